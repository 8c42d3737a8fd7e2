/** The slots of ports that Docker chooses from: one for each VM, away from what the host gives to clients. */
import { expect, test } from "bun:test";
import { chooseRange } from "../../../../src/host/ports/range.ts";
import type { PortRange } from "../../../../src/protocol/messages.ts";

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
