/** Containers that come and go on one port. 200 of them are in test/long/ports.test.ts. */
import { expect } from "bun:test";
import { playRounds } from "../../support/rounds.ts";
import type { VmTest } from "../../support/vm.ts";

const count = 2;

/** Each container answers at the first try, and its port is closed when it is gone. */
export function roundTests(test: VmTest): void {
  test(`${count} containers on one port answer at the first try each, and are gone after rm`, async (vm) => {
    const { right, early, stale, late } = await playRounds((await vm.status()).docker.socket, count);
    expect({ right, early, stale, late }).toEqual({ right: count, early: 0, stale: 0, late: 0 });
  });
}
