/** Memory and processor time of supervisor and agent while nothing happens. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Memory, memoryIn } from "../support/resident.ts";
import type { Vm } from "../support/vm.ts";

/** How long nothing happens. */
const restMs = 60_000;

/** Clock ticks in a second, as Linux counts processor time for programs (sysconf(_SC_CLK_TCK) on every port of it). */
const ticksPerSecond = 100;

type Sample = { readonly name: string; readonly ticks: number; readonly memory: Memory };

/** One line for each process of qn's. */
export async function measureRest(vm: Vm): Promise<string[]> {
  const before = await samples(vm);
  await Bun.sleep(restMs);
  const after = await samples(vm);
  return after.map(({ name, ticks, memory: { Rss, Pss, Anonymous } }, index) => {
    const spent = (ticks - (before[index]?.ticks ?? 0)) / ticksPerSecond / (restMs / 1000);
    const load = `${(100 * spent).toFixed(2)} % of a core at rest (aim: below 0.5)`;
    const [resident, share, own] = [Rss, Pss, Anonymous].map((mib) => mib.toFixed(0));
    const memory = `${resident} MiB resident, ${share} without others' part of the program, ${own} no file's`;
    return `${name}: ${memory} (aim: at most 40), ${load}`;
  });
}

// --- internal ---

async function samples(vm: Vm): Promise<Sample[]> {
  const { supervisor } = await vm.status();
  const host = await Promise.all(
    ["stat", "smaps_rollup"].map((name) => readFile(`/proc/${supervisor.pid ?? 0}/${name}`, "utf8")),
  );
  const ours = sampleOf("supervisor", host);
  return [ours, await agentIn(vm)];
}

async function agentIn(vm: Vm): Promise<Sample> {
  const read = "pid=$(systemctl show -P MainPID qn-agent); cat /proc/$pid/stat; echo; cat /proc/$pid/smaps_rollup";
  const text = await vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", read]);
  return sampleOf("agent", text.split("\n\n"));
}

/** From proc(5): fields 14 and 15 of `stat` are user and system time. */
function sampleOf(name: string, [stat = "", smapsRollup = ""]: readonly string[]): Sample {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { name, ticks: Number(fields[11]) + Number(fields[12]), memory: memoryIn(smapsRollup) };
}
