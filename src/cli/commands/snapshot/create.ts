/** `qn snapshot create`: keeps a stopped VM as it is now. */
import { whileStopped } from "../../../host/lifecycle/while-stopped.ts";
import { createSnapshot } from "../../../host/snapshot/create.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  args: {
    vm: vmArg,
    name: { type: "positional", required: false, description: "The snapshot's name; the day and time by default" },
  },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    const madeAtMs = Date.now();
    const asked = args.name ?? timeName(new Date(madeAtMs));
    const { name } = await whileStopped(paths, process.env, () => createSnapshot(paths, asked, madeAtMs));
    succeed(`Snapshot "${name}" of VM "${paths.name}" is made.`);
    say(`  qn snapshot restore ${paths.name} ${name}   brings it back`);
  },
});

// --- internal ---

/** "2026-11-28-221005", by this machine's clock. */
function timeName(now: Date): string {
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(two).join("-");
  return `${day}-${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join("")}`;
}

function two(value: number): string {
  return `${value}`.padStart(2, "0");
}
