/** A guest's memory beside QEMU's own stream: what was written is there again, and what was not is not. */
import { expect, test } from "bun:test";
import { closeSync, fstatSync, readSync, statSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { loadMemory, saveMemory } from "../../../../../src/host/supervisor/suspend/memory.ts";
import type { MemoryFacts } from "../../../../../src/host/supervisor/suspend/state.ts";
import { memoryFile } from "../../../../../src/system/kernel/descriptors.ts";
import { failureOf } from "../../../../support/failures.ts";
import { newFolder } from "../../../../support/folder.ts";

const page = 4096;
const memoryBytes = 64 * 1024 ** 2;
/** Where it begins in the file: behind something else. */
const at = 1000;

/** What a guest has written: to one page, to many in a row, over the end of a piece, and to its last one. */
const written: readonly [page: number, count: number][] = [
  [0, 1],
  [3, 700],
  [1023, 2],
  [9000, 1],
  [memoryBytes / page - 1, 1],
];

type Memory = Disposable & { readonly fd: number };

function newMemory(): Memory {
  const fd = memoryFile(memoryBytes);
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

function contentOf({ fd }: Memory): Buffer {
  const content = Buffer.alloc(memoryBytes);
  readSync(fd, content, 0, memoryBytes, 0);
  return content;
}

/** A guest's memory with random pages in it, and some that it has had and that are zero. */
function usedMemory(): Memory {
  const memory = newMemory();
  for (const [first, count] of written) {
    const bytes = crypto.getRandomValues(new Uint8Array(Math.min(count * page, 65_536)));
    for (let done = 0; done < count * page; done += bytes.length)
      writeSync(memory.fd, bytes, 0, Math.min(bytes.length, count * page - done), first * page + done);
  }
  writeSync(memory.fd, Buffer.alloc(500 * page), 0, 500 * page, 5000 * page);
  // One byte at the end of a page is enough.
  writeSync(memory.fd, Buffer.from([1]), 0, 1, 5600 * page - 1);
  return memory;
}

async function saved(memory: Memory, path: string): Promise<MemoryFacts> {
  await using file: FileHandle = await open(path, "wx", 0o600);
  await using source = await open(`/proc/self/fd/${memory.fd}`, "r");
  return await saveMemory(source, file, at);
}

test("what a guest has in its memory is there again, and what it has not takes none", async () => {
  await using folder = await newFolder();
  using before = usedMemory();
  const path = join(folder.path, "state");
  const facts = await saved(before, path);
  const pages = 1 + 700 + 2 + 1 + 1 + 1;
  expect([facts.runs, facts.bytes, statSync(path).size]).toEqual([6, pages * page + 6 * 8, at + facts.bytes]);
  using after = newMemory();
  await loadMemory(path, at, facts, after.fd);
  expect(contentOf(after).equals(contentOf(before))).toBe(true);
  expect(fstatSync(after.fd).blocks * 512).toBe(pages * page);
  // What is looked at only is still not there.
  expect(fstatSync(before.fd).blocks * 512).toBe((pages + 500) * page);
});

test("memory that nobody has used is nothing", async () => {
  await using folder = await newFolder();
  using before = newMemory();
  const path = join(folder.path, "state");
  const facts = await saved(before, path);
  expect([facts.runs, facts.bytes]).toEqual([0, 0]);
  using after = newMemory();
  await loadMemory(path, at, facts, after.fd);
  expect(fstatSync(after.fd).blocks).toBe(0);
});

test("what is not what was written is refused: a page, the table, its end", async () => {
  await using folder = await newFolder();
  using before = usedMemory();
  const path = join(folder.path, "state");
  const facts = await saved(before, path);
  const tableAt = at + facts.bytes - facts.runs * 8;
  const changes: ((file: FileHandle) => Promise<unknown>)[] = [
    (file) => file.write(Buffer.from("another"), 0, 7, at + 5 * page),
    // A run at another place, one of no pages, and one of many more than there are.
    (file) => file.write(Buffer.from([77]), 0, 1, tableAt),
    (file) => file.write(Buffer.alloc(4), 0, 4, tableAt + 4),
    (file) => file.write(Buffer.from([0xff, 0xff, 0xff, 0xff]), 0, 4, tableAt + 4),
    (file) => file.truncate(at + 3 * page),
  ];
  const original = await Bun.file(path).bytes();
  for (const [index, change] of changes.entries()) {
    await Bun.write(path, original);
    {
      await using file = await open(path, "r+");
      await change(file);
    }
    using after = newMemory();
    const failure = await failureOf(() => loadMemory(path, at, facts, after.fd));
    expect([index, failure]).toEqual([index, expect.objectContaining({ code: "QEMU_FAILED" })]);
  }
});
