/** A supervisor under a flood of its guest's: what it holds meanwhile, and how long it takes to answer. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { UpOptions } from "../../src/host/lifecycle/up.ts";
import { connectControl } from "../../src/host/supervisor/control.ts";
import { type FakeVm, fakeVm } from "./fake-vm.ts";
import { floodedFolder, type Flood } from "./flooding-agent.ts";
import { residentMiB } from "./resident.ts";
import { within } from "./until.ts";

/** The resident memory before the flood and the most of it while it lasts, in MiB, and the slowest answer. */
export type Flooded = { readonly restMiB: number; readonly mostMiB: number; readonly slowestMs: number };

/** Files below the folder that the flooding agent wants to be watched. */
const watchedFiles = 300;

/** How long a supervisor may take to answer before nobody waits any more. */
const answerMs = 60_000;

/** Starts a VM whose agent floods its host for `floodMs`; `options` are of its start. Linux only (proc(5)). */
export async function flooded(flood: Flood, floodMs: number, options: Partial<UpOptions> = {}): Promise<Flooded> {
  await using vm = await fakeVm(`floods-${flood}`);
  const folder = floodedFolder(vm.env["QN_QEMU"] ?? "");
  await using _away = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
  await mkdir(join(folder, "0"), { recursive: true });
  for (let file = 0; file < watchedFiles; file += 1) await writeFile(join(folder, "0", `${file}`), "");
  const hosts = join(vm.env["HOME"] ?? "", "_tools/hosts");
  await writeFile(hosts, "192.0.2.1 flood.test\n");
  await vm.up({ ...options, env: { ...vm.env, QN_HOSTS: hosts } });
  const { qemu, supervisor } = await pidsOf(vm);
  const restMiB = await residentMiB(supervisor);
  process.kill(qemu, "SIGUSR1");
  let [mostMiB, slowestMs] = [restMiB, 0];
  const startMs = performance.now();
  while (performance.now() - startMs < floodMs) {
    const askedMs = performance.now();
    await pidsOf(vm);
    slowestMs = Math.max(slowestMs, performance.now() - askedMs);
    mostMiB = Math.max(mostMiB, await residentMiB(supervisor));
    await Bun.sleep(50);
  }
  return { restMiB, mostMiB, slowestMs };
}

// --- internal ---

/** Asks the supervisor for its status, as `qn status` does. */
async function pidsOf({ paths }: FakeVm): Promise<{ qemu: number; supervisor: number }> {
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) throw new Error("The supervisor is gone.");
  try {
    control.ask({ ask: "status" });
    const event = await within("the supervisor's status", answerMs, control.next());
    if (event.event !== "status") throw new Error(`The supervisor answers with ${event.event}.`);
    return { qemu: event.status.qemu.pid ?? 0, supervisor: event.status.supervisor.pid ?? 0 };
  } finally {
    control.close();
  }
}
