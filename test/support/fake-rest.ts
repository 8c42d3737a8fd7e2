/** How the fake guest answers what a host asks that has its VM rest: files in QN_HOME say what a test wants of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HostLink } from "../../src/agent/link/link.ts";
import type { Behaviour } from "./fake-qemu.ts";
import { until } from "./until.ts";

/** Has the agent behind `link` answer so. */
export function restAsTold(link: HostLink, home: string, behaviour: Behaviour): void {
  const isTold = (name: string): boolean => existsSync(join(home, name));
  // A container runs that nobody talks to.
  const use = (): string | undefined => (isTold("in-use") ? "The container web runs." : undefined);
  link.onUse = async () => use();
  link.onSleep = async (ifUnused, answer) => {
    if (behaviour === "never-sleeps") return;
    const stopped = ifUnused ? [] : ["web\u001b[2J"];
    // It takes its time.
    await until("a guest that lets go", 60_000, () => (isTold("clings") ? undefined : true));
    const used = ifUnused ? use() : undefined;
    const held = behaviour === "holds-mounts" ? "bash (12) uses /home/ann, a folder of this machine." : undefined;
    const refusal = used ?? held;
    answer({ type: "asleep", stopped, ...(refusal !== undefined && { refusal }) });
  };
  // Its processors work.
  link.onCalm = (answer) => void (isTold("works") || answer());
}
