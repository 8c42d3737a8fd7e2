/** `qn ports add` and `remove` against a real supervisor: at once on a VM that runs, kept for its next start. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { changeForwards } from "../../../../src/host/lifecycle/forwards.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { type HandForward, parseForward } from "../../../../src/host/ports/by-hand.ts";
import { readForwards } from "../../../../src/host/ports/hand-list.ts";
import { freePort } from "../../../support/datagrams.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeVm, type FakeVm, programsMs } from "../../../support/fake-vm.ts";
import { listenSomewhere } from "../../../support/streams.ts";
import { knock, until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

async function freeForward(): Promise<HandForward> {
  return parseForward(`${await freePort()}:80`);
}

async function shown(vm: FakeVm): Promise<string[]> {
  const { ports } = await statusOfVm(vm.paths, vm.env);
  return ports.map(({ hostIp, container, state, error }) => `${hostIp} ${container} ${state} ${error ?? ""}`.trim());
}

test("a forward by hand answers at once, comes back at the next start, and goes when it is removed", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const forward = await freeForward();
  expect(await changeForwards(vm.paths, "add", forward)).toBe("now");
  // The fake guest's Docker is behind every stream.
  const ask = async (): Promise<string> => await (await fetch(`http://127.0.0.1:${forward.hostPort}/_ping`)).text();
  expect([await ask(), await shown(vm)]).toEqual(["OK", ["127.0.0.1 guest:80 open", "::1 guest:80 open"]]);
  await takeDown(vm.paths, { force: false });
  expect(await knock("127.0.0.1", forward.hostPort)).toBe("ECONNREFUSED");
  await vm.up();
  expect(await ask()).toBe("OK");
  await changeForwards(vm.paths, "remove", forward);
  expect([await knock("127.0.0.1", forward.hostPort), await shown(vm)]).toEqual(["ECONNREFUSED", []]);
  expect(await failureOf(() => changeForwards(vm.paths, "remove", forward))).toMatchObject({ code: "NO_SUCH_FORWARD" });
});

test("a port that is taken is refused with its owner, and all is as before", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await using other = await listenSomewhere("tcp", () => {});
  const { port } = other.listener;
  const forward = parseForward(`127.0.0.1:${port}:80`);
  // This process itself listens there, the supervisor is another one.
  const failure = await failureOf(() => changeForwards(vm.paths, "add", forward));
  expect(failure.code).toBe("PORT_TAKEN");
  expect(failure.message).toContain(`(pid ${process.pid})`);
  expect([await readForwards(vm.paths.forwards), await shown(vm)]).toEqual([[], []]);
});

test("a forward by hand is kept for the start of a VM that is down, or not there yet", async () => {
  await using vm = await fakeVm("boots");
  const [first, second] = [await freeForward(), await freeForward()];
  expect(await failureOf(() => changeForwards(vm.paths, "remove", first))).toMatchObject({ code: "NO_SUCH_VM" });
  expect(await changeForwards(vm.paths, "add", first)).toBe("at the next start");
  await vm.up();
  const open = ["127.0.0.1 guest:80 open", "::1 guest:80 open"];
  expect(await shown(vm)).toEqual(open);
  await takeDown(vm.paths, { force: false });
  await changeForwards(vm.paths, "add", second);
  expect(await failureOf(() => changeForwards(vm.paths, "add", second))).toMatchObject({ code: "PORT_TAKEN" });
  await vm.up();
  expect((await shown(vm)).toSorted()).toEqual([...open, ...open].toSorted());
});

test("a kept forward whose port is taken at the start is shown with the reason, and the VM runs", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await using other = await listenSomewhere("tcp", () => {});
  await takeDown(vm.paths, { force: false });
  await changeForwards(vm.paths, "add", parseForward(`127.0.0.1:${other.listener.port}:80`));
  expect(await vm.up()).toBe("started");
  // Who has the port is looked up while the VM goes on.
  const reason = await until("the reason", 10_000, async () => {
    const [line = ""] = await shown(vm);
    return /^127\.0\.0\.1 guest:80 failed Port \d+ on 127\.0\.0\.1 is taken by (.*)\.$/.exec(line)?.[1];
  });
  expect(reason).toContain(`(pid ${process.pid})`);
});
