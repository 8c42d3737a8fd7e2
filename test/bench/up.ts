/** `qn up` beside the same QEMU command line started bare, both timed to the same answer of Docker. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { awaitQmp } from "../../src/host/qmp/client.ts";
import type { Vm } from "../support/vm.ts";
import { awaitDocker, type BareBoot } from "./bare.ts";
import { keptCredentials } from "./credentials.ts";
import { inTurn, type Ratio, ratioOf } from "./figures.ts";

const rounds = 4;
const what = "`qn up` beside the same QEMU started bare, to Docker's first answer";

/** The ratio of the times. */
export async function measureUp(vm: Vm): Promise<Ratio[]> {
  const putCredentials = await keptCredentials(vm);
  const boot: BareBoot & { readonly argv: string[] } = JSON.parse(await readFile(join(vm.folder, "boot.json"), "utf8"));
  await vm.qn("down");
  const times = await inTurn(
    rounds,
    async () => {
      const begin = performance.now();
      await vm.qn("up");
      const seconds = (performance.now() - begin) / 1000;
      await vm.qn("down");
      return seconds;
    },
    async () => {
      await putCredentials();
      return await bootBare(vm, boot);
    },
  );
  await vm.qn("up");
  return [ratioOf(what, times, "s", "at most 1.05")];
}

// --- internal ---

/** Seconds from the start of QEMU to Docker's `_ping`, without supervisor or command. */
async function bootBare(vm: Vm, boot: BareBoot & { readonly argv: string[] }): Promise<number> {
  const begin = performance.now();
  const child = Bun.spawn(boot.argv, { stdout: "ignore", stderr: "ignore" });
  const qmp = await awaitQmp(join(vm.folder, "qmp.sock"), { deadlineMs: 60_000 });
  await awaitDocker(qmp, boot, join(vm.inTmp, "bare.sock"));
  const seconds = (performance.now() - begin) / 1000;
  // A clean end, so that the next boot finds the disks as this one did.
  await qmp.execute("system_powerdown");
  await child.exited;
  return seconds;
}
