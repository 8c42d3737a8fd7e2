/** The table of ports in use, as macOS writes it. */
import { expect, test } from "bun:test";
import { portsInNetstat } from "../../../src/system/ports-in-use.ts";

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
