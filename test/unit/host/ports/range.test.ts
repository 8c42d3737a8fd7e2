/** The slots of ports that Docker chooses from: one for each VM, away from what the host gives to clients. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { chooseRange, doors, doorsOf } from "../../../../src/host/ports/range.ts";
import type { PortRange } from "../../../../src/protocol/messages.ts";
import { repository } from "../../../support/program.ts";

test("each VM gets a slot of 512 ports of its own, all between 20480 and 29695", () => {
  const slots: PortRange[] = [];
  for (let vm = 0; vm < 18; vm += 1) slots.push(chooseRange(slots, 7));
  const sorted = slots.toSorted((a, b) => a.first - b.first);
  expect(sorted).toEqual(
    Array.from({ length: 18 }, (_, index) => ({ first: 20_480 + index * 512, last: 20_991 + index * 512 })),
  );
  expect(slots[0]).toEqual({ first: 20_480 + 7 * 512, last: 20_991 + 7 * 512 });
});

test("the slot of a VM that is deleted is given again, and the nineteenth VM shares one", () => {
  const slots: PortRange[] = [];
  for (let vm = 0; vm < 18; vm += 1) slots.push(chooseRange(slots, 0));
  const [deleted, ...others] = slots;
  expect(chooseRange(others, 5)).toEqual(deleted as PortRange);
  expect(chooseRange(slots, 5)).toEqual(slots[5] as PortRange);
});

test("a slot among the ports that the host gives to clients is the last resort", () => {
  expect(chooseRange([], 0, { first: 16_384, last: 28_671 })).toEqual({ first: 28_672, last: 29_183 });
  expect(chooseRange([], 0, { first: 1_024, last: 65_535 })).toEqual({ first: 20_480, last: 20_991 });
});

test("each slot has ports of its own for the ways into its VM, all of which the guest's firewall hides", async () => {
  const slots: PortRange[] = [];
  for (let vm = 0; vm < 18; vm += 1) slots.push(chooseRange(slots, 3));
  const all = slots.flatMap((slot) => doorsOf(slot)).toSorted((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: 432 }, (_, index) => doors.first + index));
  expect(all.at(-1)).toBe(doors.last);
  const rules = await Bun.file(join(repository, "guest/nftables.conf")).text();
  expect(rules).toContain(`define doors = ${doors.first}-${doors.last}\n`);
});

test("a slot that is none, as a file that somebody has written may say, has ways in all the same", () => {
  expect(doorsOf({ first: 1, last: 2 })).toEqual(doorsOf({ first: 20_480, last: 20_991 }));
});
