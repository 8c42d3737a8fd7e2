/** A suspension that is called off, whatever it is just doing. */
import { expect, test } from "bun:test";
import { layoutOf } from "../../../../../src/host/layout.ts";
import { GuestSleep } from "../../../../../src/host/supervisor/seam/guest-sleep.ts";
import { type Running, Suspension } from "../../../../../src/host/supervisor/suspend/suspension.ts";
import { failureOf } from "../../../../support/failures.ts";
import { tempHome } from "../../../../support/temp-home.ts";
import { until } from "../../../../support/until.ts";

const calledOff = { code: "SUSPEND_REFUSED", message: "The VM cannot be suspended now. It is to be shut down." };

/** The suspension of a guest that is asked, and never answers; what it was asked, and what came of it. */
function suspensionIn(home: string) {
  const asked: unknown[] = [];
  const events: string[] = [];
  const current = { hello: { version: "1", capabilities: ["sleep"] }, tell: (message: unknown) => asked.push(message) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a link is looked at
  const sleep = new GuestSleep(() => ({ current, drop: () => {} }) as never);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it comes no further than the guest
  const running = { seam: { sleep }, qemu: {}, boot: {}, plug: async () => {} } as unknown as Running;
  const tell = { dispatch: ({ type }: { readonly type: string }) => void events.push(type), log: () => {} };
  return { suspension: new Suspension(layoutOf(home).vm("default"), tell), running, asked, events };
}

test("one that is called off before the guest has been asked asks nothing, and one that is called off after it does not wait", async () => {
  await using home = await tempHome({ images: false });
  for (const isAsked of [false, true]) {
    const { suspension, running, asked, events } = suspensionIn(home.path);
    suspension.begin(running, false);
    if (isAsked) await until("a question", 5_000, () => asked[0]);
    suspension.callOff();
    expect(await failureOf(() => suspension.done)).toEqual(calledOff);
    expect([asked.length, events]).toEqual([isAsked ? 1 : 0, ["suspend-failed"]]);
  }
});
