/** What the processes of a mount take of their descriptors is never more than they have. */
import { expect, test } from "bun:test";
import { clientsMaxOf, listenersMaxOf, partOf } from "../../../../src/host/virtiofs/descriptor-parts.ts";

test("sockets that answer and their clients, of two descriptors each, fit beside the guest's open files", () => {
  for (const max of [128, 1_024, 4_096, 1_048_576]) {
    const beside = 3 * partOf(max);
    expect(2 * listenersMaxOf(max) + 2 * clientsMaxOf(max)).toBeLessThan(beside);
  }
  expect([listenersMaxOf(1_024), clientsMaxOf(1_024)]).toEqual([64, 256]);
  expect([listenersMaxOf(1_048_576), clientsMaxOf(1_048_576)]).toEqual([256, 1_024]);
});
