/** Guests whose agent is of another qn than the host's: what works, what is refused, and what a person is told. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { failureOf } from "../../../support/failures.ts";
import { type FakeVm, fakeVm, programsMs } from "../../../support/fake-vm.ts";
import { processesLeft } from "../../../support/processes.ts";

setDefaultTimeout(programsMs);

/** Lets the VM's image say that the qn in it speaks another protocol. */
async function imageOf(vm: FakeVm, protocol: number): Promise<void> {
  const path = join(vm.layout.image("debian", ownArch()), "image.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), protocol }));
}

test("an image of another protocol is refused before anything is made, and says what to do", async () => {
  await using vm = await fakeVm("boots");
  await imageOf(vm, 1);
  const older = await failureOf(() => vm.up());
  expect(older).toEqual({
    code: "AGENT_INCOMPATIBLE",
    message: 'The image "debian" (1) is of an older qn: it speaks version 1 of the protocol, this qn version 2.',
  });
  await imageOf(vm, 3);
  expect((await failureOf(() => vm.up())).message).toBe(
    'The image "debian" (1) is of a newer qn: it speaks version 3 of the protocol, this qn version 2.',
  );
  expect([await vm.files(), vm.told]).toEqual([[], []]);
});

test("an agent of another protocol is refused at its hello, newer or older", async () => {
  for (const [behaviour, told] of [
    ["newer-agent", "(qn 9.0.0) is of a newer qn: it speaks version 3"],
    ["older-agent", "(qn 0.0.1) is of an older qn: it speaks version 1"],
  ] as const) {
    await using vm = await fakeVm(behaviour);
    expect(await failureOf(() => vm.up())).toMatchObject({
      code: "AGENT_INCOMPATIBLE",
      message: `The agent in the guest ${told} of the protocol, this qn version 2.`,
    });
    expect(await processesLeft(vm.paths.folder)).toEqual([]);
  }
});

test("an agent of an older qn that speaks the same protocol works, and a person is told", async () => {
  await using vm = await fakeVm("older-version");
  expect(await vm.up()).toBe("started");
  expect(vm.told.filter((text) => text.startsWith("warning"))).toEqual([
    "warning The agent in the guest is of an older qn, 0.0.9 (this is 0.1.0): what is new since does not work there. `qn image build` and `qn restart` bring it up to date.",
  ]);
  expect(await dockerApi(vm.paths.dockerSocket).containers()).toEqual([]);
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
});

test("an agent of the same protocol that is not understood is given up after three links, not after the whole boot", async () => {
  await using vm = await fakeVm("garbling-agent");
  const { code, message } = await failureOf(() => vm.up());
  expect([code, message]).toEqual([
    "AGENT_INCOMPATIBLE",
    `This qn does not understand the agent in the guest: The agent's message is wrong at "report": Invalid key: Expected "report" but received undefined.`,
  ]);
});
