/** The tables of ports in use, as Linux and macOS write them. */
import { expect, test } from "bun:test";
import { portsInNetstat, portsInProc } from "../../../src/system/ports-in-use.ts";

test("sockets that listen count in Linux's table, and connections do not", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:5000 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:5001 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:5002 0100007F:9C41 06 00000000:00000000 03:00000000 00000000     0        0 0 3
   3: 00000000000000000000000001000000:5003 00000000000000000000000000000000:0000 07 00000000:00000000 00:0 0 0 0 4 2`;
  expect(portsInProc(table)).toEqual([0x5000, 0x5003]);
});

test("sockets that listen count in macOS's table, and connections do not", () => {
  const table = `Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp4       0      0  127.0.0.1.20480        *.*                    LISTEN
tcp6       0      0  ::1.20481              *.*                    LISTEN
tcp46      0      0  *.20482                *.*                    LISTEN
tcp4       0      0  192.168.1.5.20483      17.57.146.1.443        ESTABLISHED
udp4       0      0  *.20484                *.*
udp6       0      0  fe80::1%lo0.20485      *.*
udp4       0      0  *.*                    *.*
udp4       0      0  192.168.1.5.20486      192.168.1.1.53`;
  expect(portsInNetstat(table)).toEqual([20_480, 20_481, 20_482, 20_484, 20_485]);
});
