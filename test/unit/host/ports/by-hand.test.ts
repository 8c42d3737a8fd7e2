/** Forwards by hand: how they are written, and what may be added and taken away. */
import { expect, test } from "bun:test";
import { type HandForward, parseForward, withForward, withoutForward } from "../../../../src/host/ports/by-hand.ts";
import { failureOf } from "../../../support/failures.ts";

const written: Readonly<Record<string, HandForward>> = {
  "8080": { protocol: "tcp", hostIp: "", hostPort: 8080, guestPort: 8080 },
  "8080:80": { protocol: "tcp", hostIp: "", hostPort: 8080, guestPort: 80 },
  "5353:53/udp": { protocol: "udp", hostIp: "", hostPort: 5353, guestPort: 53 },
  "127.0.0.1:8080": { protocol: "tcp", hostIp: "127.0.0.1", hostPort: 8080, guestPort: 8080 },
  "0.0.0.0:8080:80/tcp": { protocol: "tcp", hostIp: "0.0.0.0", hostPort: 8080, guestPort: 80 },
  "[::1]:8080:80": { protocol: "tcp", hostIp: "::1", hostPort: 8080, guestPort: 80 },
};

test("a forward by hand is written as address, port, guest's port and protocol, and only a port is needed", () => {
  const read = Object.keys(written).map((text) => [text, parseForward(text)]);
  expect(Object.fromEntries(read)).toEqual(written);
});

test("what is no forward by hand is refused with what was written", async () => {
  const wrong = [
    "",
    "web",
    "0",
    "65536",
    "8080:0",
    "8080/sctp",
    "256.0.0.1:80",
    "::1:80",
    "[1:2]:80",
    "80:80:80:80",
    "-1",
    "8080:",
  ];
  for (const text of wrong) {
    const failure = await failureOf(async () => parseForward(text));
    expect(failure).toEqual({ code: "USAGE", message: `"${text}" is not a forward.` });
  }
});

const web = parseForward("8080:80");
const dns = parseForward("127.0.0.1:5353:53/udp");

test("a place takes one forward by hand; the same port of another protocol or address is another place", async () => {
  const all = ["8080/udp", "127.0.0.1:8080", "8081"].map(parseForward);
  const list = all.reduce(withForward, [web]);
  expect(list).toEqual([web, ...all]);
  for (const text of ["8080:81", "0.0.0.0:8080"]) {
    const failure = await failureOf(async () => withForward(list, parseForward(text)));
    expect(failure.code).toBe("PORT_TAKEN");
  }
});

test("a forward by hand is taken away by its port, or by address and port", async () => {
  const here = parseForward("127.0.0.1:8080");
  expect(withoutForward([web, here, dns], parseForward("8080"))).toEqual([dns]);
  expect(withoutForward([web, here, dns], here)).toEqual([web, dns]);
  const failure = await failureOf(async () => withoutForward([web, dns], parseForward("5353")));
  expect(failure).toEqual({ code: "NO_SUCH_FORWARD", message: "Port 5353/tcp has no forward that was made by hand." });
});

test("an address by hand is kept in its one form, and a list takes 256 forwards and no more", async () => {
  expect(parseForward("[0:0::0001]:8080").hostIp).toBe("::1");
  const full = Array.from({ length: 256 }, (_, index) => parseForward(`${index + 1}`));
  expect(full.reduce<readonly HandForward[]>(withForward, [])).toHaveLength(256);
  expect(await failureOf(async () => withForward(full, web))).toEqual({
    code: "USAGE",
    message: "This VM has 256 forwards that were made by hand, which is the most.",
  });
});
