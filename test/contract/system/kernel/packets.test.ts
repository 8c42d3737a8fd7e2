/** Packets with descriptors over a stream, which is what a Mac has in the place of Linux' packets. */
import { expect, test } from "bun:test";
import { closeSync, openSync, readSync } from "node:fs";
import { receive, send, socketPair } from "../../../../src/system/kernel/descriptors.ts";
import { closeFd } from "../../../../src/system/kernel/file-calls.ts";
import { fromLibrary } from "../../../../src/system/kernel/library.ts";
import { allocate } from "../../../../src/system/kernel/memory.ts";
import { framed } from "../../../../src/system/kernel/packets.ts";

const libc = fromLibrary({ socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" } });
const { address, bytes } = allocate(4096);

/** A pair of streams. */
function pair(): readonly [number, number] {
  const fds = new Int32Array(2);
  expect(libc().socketpair(1, 1, 0, fds)).toBe(0);
  return [fds[0] ?? -1, fds[1] ?? -1];
}

function put(text: string): number {
  bytes.set(Buffer.from(text));
  return text.length;
}

const got = (length: number): string => Buffer.from(bytes.subarray(0, Math.max(0, length))).toString();

test.skipIf(process.platform !== "linux")(
  "packets in a stream arrive whole and one by one, each with its descriptors, and an end after all",
  () => {
    const [one, other] = pair();
    expect(framed.receive(other, address, 4096, { wait: false }).length).toBe(-11);
    const file = openSync("/proc/self/status", "r");
    expect(framed.send(one, address, put("first"))).toBe(5);
    expect(framed.send(one, address, put("second"), [file, file])).toBe(6);
    expect(framed.send(one, address, put("x".repeat(2056)))).toBe(2056);
    closeSync(file);
    closeFd(one);
    const first = framed.receive(other, address, 4096);
    expect([got(first.length), first.fds]).toEqual(["first", []]);
    const second = framed.receive(other, address, 4096);
    expect([got(second.length), second.fds.length]).toEqual(["second", 2]);
    for (const fd of second.fds) {
      expect(readSync(fd, Buffer.alloc(4))).toBe(4);
      closeFd(fd);
    }
    expect(framed.receive(other, address, 4096).length).toBe(2056);
    expect(framed.receive(other, address, 4096)).toEqual({ length: 0, fds: [] });
    closeFd(other);
  },
);

test.skipIf(process.platform !== "linux")(
  "a packet in a stream that comes in pieces is one, and one that is cut off is an end",
  () => {
    const [one, other] = pair();
    const raw = (...values: readonly number[]): void => {
      bytes.set(values);
      send(one, address, values.length);
    };
    raw(3, 0);
    raw(0, 0, 97, 98);
    raw(99, 5, 0, 0, 0, 100);
    closeFd(one);
    const whole = framed.receive(other, address, 4096);
    expect(got(whole.length)).toBe("abc");
    expect(framed.receive(other, address, 4096).length).toBe(0);
    closeFd(other);
  },
);

test.skipIf(process.platform !== "linux")("a packet of Linux' is a message of its own", () => {
  const [one, other] = socketPair();
  for (const text of ["a", "bc"]) send(one, address, put(text));
  expect(got(receive(other, address, 4096).length)).toBe("a");
  expect(got(receive(other, address, 4096).length)).toBe("bc");
  closeFd(one);
  closeFd(other);
});
