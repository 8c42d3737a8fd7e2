/** Addresses: one way to write each, and nothing that only looks like one to some program. */
import { expect, test } from "bun:test";
import { canonicalIp, isLoopback } from "../../../src/base/ip.ts";

test("an address has one form, and is the same as itself in it", () => {
  const forms = {
    "127.0.0.1": "127.0.0.1",
    "255.255.255.255": "255.255.255.255",
    "::": "::",
    "0:0:0:0:0:0:0:1": "::1",
    "FD00::00AB": "fd00::ab",
    "::ffff:192.168.1.5": "192.168.1.5",
    "::FFFF:7f00:1": "127.0.0.1",
    "::ffff:0.0.0.0": "0.0.0.0",
    "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1",
  };
  for (const [written, form] of Object.entries(forms)) {
    expect([written, canonicalIp(written)]).toEqual([written, form]);
    expect(canonicalIp(form)).toBe(form);
  }
});

/** What some program or other listens on, and what no program should. */
const notAddresses = [
  "",
  "0",
  "0x0",
  "127.1",
  "127.0.1",
  "0177.0.0.1",
  "127.0.0.01",
  "2130706433",
  "*",
  "localhost",
  "example.com",
  "1.2.3.4.",
  "1.2.3.256",
  " 127.0.0.1",
  "127.0.0.1\n",
  "::1%lo",
  "fe80::1%eth0",
  "[::1]",
  "::1]/[",
  "::1@x:",
  ":::",
  "1::2::3",
  "12345::",
  "::ffff:1.2.3",
  `${"0:".repeat(40)}1`,
];

test("all else is no address: names, short and octal numbers, zones, brackets, spaces", () => {
  for (const text of notAddresses) expect([text, canonicalIp(text)]).toEqual([text, undefined]);
});

test("loopback is 127.0.0.0/8 and ::1", () => {
  const loopback = ["127.0.0.1", "127.255.0.9", "::1"];
  expect(loopback.filter(isLoopback)).toEqual(loopback);
  expect(["0.0.0.0", "::", "12.7.0.1", "127.evil.example", "192.168.1.1"].filter(isLoopback)).toEqual([]);
});
