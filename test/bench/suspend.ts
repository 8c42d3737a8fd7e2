/** `qn up` of a suspended VM beside a bare QEMU that loads the same state from the same file; and what `qn down` takes. */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { awaitQmp } from "../../src/host/qmp/client.ts";
import { headBytes, readHead } from "../../src/host/supervisor/suspend/state.ts";
import type { Vm } from "../support/vm.ts";
import { keptCredentials } from "./credentials.ts";
import { inTurn, median, ratioOf, secondsOf, type Told } from "./figures.ts";

const rounds = 5;

/** The ratio of the times, and how long it took to suspend what. */
export async function measureSuspend(vm: Vm): Promise<Told[]> {
  const downs: number[] = [];
  const suspend = async (): Promise<void> => void downs.push(await secondsOf(() => vm.qn("down", "--suspend")));
  const putCredentials = await keptCredentials(vm);
  await suspend();
  const times = await inTurn(
    rounds,
    async () => {
      const seconds = await secondsOf(() => vm.qn("up"));
      await suspend();
      return seconds;
    },
    async () => {
      await putCredentials();
      return await loadBare(vm);
    },
  );
  const state = Bun.file(join(vm.folder, "suspended.state")).size / 1024 ** 2;
  await vm.qn("up");
  return [
    ratioOf(
      "`qn up` of a suspended VM, to Docker's answer, beside a bare QEMU that loads it",
      times,
      "s",
      "at most 1.2",
    ),
    `\`qn down --suspend\` took ${median(downs).toFixed(1)} s in the middle, and left ${state.toFixed(0)} MiB`,
  ];
}

// --- internal ---

/** Seconds from the start of QEMU until all is loaded. The guest never goes on, so that nothing of it changes. */
async function loadBare(vm: Vm): Promise<number> {
  const path = join(vm.folder, "suspended.state");
  const head = await readHead(path);
  if (head === undefined) throw new Error("There is no saved state.");
  const file = openSync(path, "r");
  // QEMU reads from where the file stands.
  readSync(file, Buffer.alloc(headBytes));
  return await secondsOf(async () => {
    const argv = [...head.boot.argv, "-S", "-incoming", "fd:3"];
    const child = Bun.spawn(argv, { stdio: ["ignore", "ignore", "ignore", file] });
    closeSync(file);
    const qmp = await awaitQmp(join(vm.folder, "qmp.sock"), { deadlineMs: 60_000 });
    // No event tells: a capability that has it told would have to be set before it begins.
    while (((await qmp.execute("query-status")) as { status: string }).status !== "paused");
    child.kill("SIGKILL");
    await child.exited;
  });
}
