/** Forwards as a person reads them. */
import { expect, test } from "bun:test";
import { changeLine, changesBetween, forwardTable } from "../../../../src/cli/terminal/ports-lines.ts";
import type { ForwardStatus } from "../../../../src/host/supervisor/messages.ts";

const web: ForwardStatus = {
  protocol: "tcp",
  hostIp: "127.0.0.1",
  hostPort: 8080,
  container: "web",
  source: "docker",
  guestPort: null,
  refusal: null,
  state: "open",
  connections: 2,
  bytes: 1_572_864,
  error: null,
};
const dns: ForwardStatus = {
  ...web,
  protocol: "udp",
  hostIp: "::1",
  hostPort: 53,
  container: "dns",
  state: "failed",
  connections: 0,
  bytes: 0,
  error: "Port 53 on ::1 is taken by named (pid 1).",
};

test("the table has a line for each forward with all that is known of it", () => {
  expect(forwardTable([web, dns])).toEqual([
    "PROTO  ADDRESS    PORT  CONTAINER  STATE   OPEN    BYTES  LAST ERROR",
    "tcp    127.0.0.1  8080  web        open       2  1.5 MiB",
    "udp    ::1          53  dns        failed     0      0 B  Port 53 on ::1 is taken by named (pid 1).",
  ]);
});

test("changes are what is new, other or gone, and what is gone comes first", () => {
  expect(changesBetween([], [web, dns])).toEqual([web, dns]);
  expect(changesBetween([web, dns], [web, dns])).toEqual([]);
  const busy = { ...dns, bytes: 7 };
  expect(changesBetween([web, dns], [busy])).toEqual([{ ...web, state: "closed" }, busy]);
  const moved = { ...web, container: "other", bytes: 0 };
  expect(changesBetween([web], [moved])).toEqual([moved]);
});

test("a change is one line, with its error, and with nothing that moves the cursor", () => {
  expect(changeLine(web)).toBe("tcp 127.0.0.1:8080 web open, 2 connections, 1.5 MiB");
  expect(changeLine({ ...web, state: "closed", connections: 1 })).toBe(
    "tcp 127.0.0.1:8080 web closed, 1 connection, 1.5 MiB",
  );
  expect(changeLine({ ...dns, container: "d\u001b[Hns" })).toBe(
    "udp [::1]:53 d\\x1b[Hns failed, Port 53 on ::1 is taken by named (pid 1).",
  );
});
