/** What the server remembers of a guest's files. */
import { beforeAll, expect, test } from "bun:test";
import { NodeTable } from "../../../../src/host/virtiofs/node/node-table.ts";
import { rootNode } from "../../../../src/host/virtiofs/node/node-records.ts";
import { HandleTable } from "../../../../src/host/virtiofs/node/handle-table.ts";
import { stateBytes } from "../../../../src/host/virtiofs/node/state-plan.ts";
import { allocate, type Block, unmap } from "../../../../src/system/kernel/memory.ts";

const names = allocate(4096);
beforeAll(() => {
  for (let at = 0; at < 4096; at += 1) names.bytes[at] = 97 + (at % 26);
});

const fileOf = (inode: number, born = 1) => ({
  device: 1,
  inodeLow: inode,
  inodeHigh: 0,
  type: 8,
  bornSeconds: born,
  bornNanoseconds: 0,
});
const folderOf = (inode: number) => ({ ...fileOf(inode), type: 4 });

function withTable(use: (table: NodeTable, state: Block) => void): void {
  const state = allocate(stateBytes);
  try {
    const table = new NodeTable(state);
    table.makeRoot(folderOf(2));
    use(table, state);
  } finally {
    unmap(state.address, stateBytes);
  }
}

test("a file is found by what it is, and not by its number alone", () => {
  withTable((table) => {
    const slot = table.add(rootNode, names.address, 5, fileOf(10));
    expect(table.find(fileOf(10))).toBe(slot);
    expect(table.find(fileOf(10, 2))).toBe(0);
    expect(table.find({ ...fileOf(10), type: 4 })).toBe(0);
    expect(table.find({ ...fileOf(10), device: 3 })).toBe(0);
    expect(table.find({ ...fileOf(10), inodeHigh: 1 })).toBe(0);
  });
});

test("a node is gone when its lookups are given back, and its number is never another file's", () => {
  withTable((table) => {
    const gone: number[] = [];
    const slot = table.add(rootNode, names.address, 5, fileOf(10));
    const generation = table.generationOf(slot);
    table.addLookup(slot);
    table.addLookup(slot);
    table.forget(slot, 1, (each) => gone.push(each));
    expect(table.slotOf(slot, generation)).toBe(slot);
    table.forget(slot, 1, (each) => gone.push(each));
    expect(gone).toEqual([slot]);
    expect(table.add(rootNode, names.address, 5, fileOf(11))).toBe(slot);
    expect(table.slotOf(slot, generation)).toBe(0);
    expect(table.slotOf(slot, table.generationOf(slot))).toBe(slot);
  });
});

test("a folder waits for what is known in it", () => {
  withTable((table) => {
    const gone: number[] = [];
    const folder = table.add(rootNode, names.address, 3, folderOf(20));
    const file = table.add(folder, names.address, 4, fileOf(21));
    table.addLookup(folder);
    table.addLookup(file);
    table.forget(folder, 1, (each) => gone.push(each));
    expect(gone).toEqual([]);
    table.forget(file, 1, (each) => gone.push(each));
    expect(gone).toEqual([file, folder]);
    expect(table.count).toBe(1);
  });
});

test("a hostile guest that gives back more than it has gets no node of another", () => {
  withTable((table) => {
    const slot = table.add(rootNode, names.address, 5, fileOf(10));
    table.addLookup(slot);
    table.forget(slot, 2 ** 63, () => {});
    table.forget(slot, 1, () => {});
    expect(table.count).toBe(1);
    table.forget(rootNode, 2 ** 40, () => {});
    expect(table.slotOf(rootNode, 0)).toBe(rootNode);
    expect([0, slot, 2 ** 21, 2 ** 32 - 1].map((low) => table.slotOf(low, 0))).toEqual([0, 0, 0, 0]);
  });
});

test("thousands of nodes are found, moved and forgotten without one for another", () => {
  withTable((table) => {
    const slots = Array.from({ length: 5000 }, (_, index) => {
      const slot = table.add(rootNode, names.address + (index % 26), 1 + (index % 200), fileOf(1000 + index));
      table.addLookup(slot);
      return slot;
    });
    expect(new Set(slots).size).toBe(5000);
    for (const [index, slot] of slots.entries()) {
      expect(table.isAt(slot, rootNode, names.bytes, index % 26, 1 + (index % 200))).toBe(true);
      if (index % 3 === 0) table.move(slot, rootNode, names.address + 7, 40);
      if (index % 2 === 0) table.forget(slot, 1, () => {});
    }
    for (const [index, slot] of slots.entries())
      expect(table.find(fileOf(1000 + index))).toBe(index % 2 === 0 ? 0 : slot);
    expect(table.count).toBe(2501);
  });
});

test("another process finds the same nodes and handles in the state", () => {
  withTable((table, state) => {
    const folder = table.add(rootNode, names.address, 3, folderOf(20));
    const file = table.add(folder, names.address, 4, fileOf(21));
    for (const slot of [folder, file]) table.addLookup(slot);
    const gone = table.add(rootNode, names.address, 4, fileOf(22));
    table.forget(gone, 1, () => {});
    const handle = new HandleTable(state, table, 100).add(file, -1, 2);
    const after = new NodeTable(state);
    const handles = new HandleTable(state, after, 100);
    expect([after.count, after.find(fileOf(21)), after.parentOf(file)]).toEqual([3, file, folder]);
    expect([handles.nodeOf(handle), handles.flagsOf(handle), handles.count]).toEqual([file, 2, 1]);
    const asked: number[][] = [];
    handles.fdOf(handle, (node, flags) => {
      asked.push([node, flags]);
      return -116;
    });
    expect(asked).toEqual([[file, 2]]);
    after.forget(file, 1, () => {});
    expect(after.isUsed(file)).toBe(true);
    after.release(handles.remove(handle), () => {});
    expect(after.isUsed(file)).toBe(false);
  });
});

test("a guest opens as many files as there is room for, and no more", () => {
  withTable((table, state) => {
    const handles = new HandleTable(state, table, 3);
    const made = Array.from({ length: 4 }, () => handles.add(rootNode, -1, 0));
    expect(made).toEqual([1, 2, 3, -23]);
    handles.remove(2);
    handles.remove(2);
    expect(handles.add(rootNode, -1, 0)).toBe(2);
    expect([0, 4, 2 ** 16, 2 ** 32 - 1].map((handle) => handles.nodeOf(handle))).toEqual([0, 0, 0, 0]);
  });
});
