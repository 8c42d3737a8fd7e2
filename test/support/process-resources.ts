/** What the two processes that carry streams hold: the supervisor of a VM and the agent in its guest. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Vm } from "./vm.ts";

/** What a process holds: open files, and resident memory in MiB. */
export type Held = { readonly files: number; readonly residentMiB: number };

/** Of the supervisor and of the agent, as /proc tells it (proc_pid_status(5)). */
export async function held(vm: Vm): Promise<Held[]> {
  const { supervisor } = await vm.status();
  const folder = `/proc/${supervisor.pid}`;
  const ours = heldOf((await readdir(join(folder, "fd"))).length, await readFile(join(folder, "status"), "utf8"));
  const look = "pid=$(systemctl show -P MainPID qn-agent); ls /proc/$pid/fd | wc -l; cat /proc/$pid/status";
  const text = await vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", look]);
  return [ours, heldOf(Number(text.split("\n")[0]), text)];
}

// --- internal ---

function heldOf(files: number, status: string): Held {
  return { files, residentMiB: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024 };
}

/** Processor time of a process in ticks of 10 ms (proc(5), stat): its 14th and 15th fields, the name may have spaces. */
export async function ticksOf(pid: number | null): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /s, "").split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
