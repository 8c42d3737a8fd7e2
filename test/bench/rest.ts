/** Memory and processor time of supervisor and agent while nothing happens. */
import { readFile } from "node:fs/promises";
import type { Vm } from "../support/vm.ts";

/** How long nothing happens. */
const restMs = 60_000;

/** Clock ticks in a second, as Linux counts processor time for programs (sysconf(_SC_CLK_TCK) on every port of it). */
const ticksPerSecond = 100;

type Sample = { readonly name: string; readonly ticks: number; readonly rssMiB: number };

/** One line for each process of qn's. */
export async function measureRest(vm: Vm): Promise<string[]> {
  const before = await samples(vm);
  await Bun.sleep(restMs);
  const after = await samples(vm);
  return after.map(({ name, ticks, rssMiB }, index) => {
    const spent = (ticks - (before[index]?.ticks ?? 0)) / ticksPerSecond / (restMs / 1000);
    const load = `${(100 * spent).toFixed(2)} % of a core at rest (aim: below 0.5)`;
    return `${name}: ${rssMiB.toFixed(0)} MiB resident (aim: at most 60), ${load}`;
  });
}

// --- internal ---

async function samples(vm: Vm): Promise<Sample[]> {
  const { supervisor } = await vm.status();
  const host = await Promise.all(
    ["stat", "status"].map((name) => readFile(`/proc/${supervisor.pid ?? 0}/${name}`, "utf8")),
  );
  const ours = sampleOf("supervisor", host);
  return [ours, await agentIn(vm)];
}

async function agentIn(vm: Vm): Promise<Sample> {
  const read = "pid=$(systemctl show -P MainPID qn-agent); cat /proc/$pid/stat; echo; cat /proc/$pid/status";
  const text = await vm.qn("ssh", "--", "sh", "-c", read);
  return sampleOf("agent", text.split("\n\n"));
}

/** From proc(5): fields 14 and 15 of `stat` are user and system time, and `status` has the resident size. */
function sampleOf(name: string, [stat = "", status = ""]: readonly string[]): Sample {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const rssKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return { name, ticks: Number(fields[11]) + Number(fields[12]), rssMiB: rssKiB / 1024 };
}
