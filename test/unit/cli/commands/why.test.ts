/** Ports as people write them. */
import { expect, test } from "bun:test";
import { parsePort } from "../../../../src/cli/commands/why.ts";
import { failureOf } from "../../../support/failures.ts";

test("a port is a number, with a protocol or without", () => {
  expect(["8080", "53/udp", "65535/TCP", "9/sctp"].map(parsePort)).toEqual([
    { port: 8080, protocol: undefined },
    { port: 53, protocol: "udp" },
    { port: 65_535, protocol: "tcp" },
    { port: 9, protocol: "sctp" },
  ]);
});

test("what is no port is refused with what one looks like", async () => {
  for (const text of ["0", "65536", "http", "80/icmp", "-1", "8080/", " 80", "8000-8100", "0x50", "99999999999"]) {
    expect(await failureOf(() => parsePort(text))).toEqual({
      code: "USAGE",
      message: `"${text}" is not a port. Examples: 8080, 8080/tcp, 53/udp.`,
    });
  }
});
