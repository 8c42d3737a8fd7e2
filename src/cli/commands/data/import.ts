/** `qn data import`: a VM of an exported file. */
import { resolve } from "node:path";
import { whileStopped } from "../../../host/lifecycle/while-stopped.ts";
import { importVm } from "../../../host/snapshot/archive/import.ts";
import { effectiveConfig } from "../../../host/vm/settings.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { say, succeed, warn } from "../../terminal/show.ts";
import { interruption } from "../../terminal/signals.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  examples: ["qn data import backup.qndata"],
  args: { file: { type: "positional", required: true, description: "The file" }, vm: vmArg },
  async run({ args }) {
    const { layout, paths } = vmNamed(args.vm);
    using interrupted = interruption();
    const { arch, leftOut } = await importVm(layout, paths, resolve(args.file), interrupted.signal);
    await whileStopped(paths, process.env, async () => {});
    succeed(`VM "${paths.name}" has the data of ${args.file}.`);
    if (leftOut.length > 0) say(`These settings of its old machine are not in the file: ${leftOut.join(", ")}.`);
    const own = (await effectiveConfig(paths, process.env)).config.arch;
    if (arch !== own) {
      warn(
        `It comes from a guest of ${arch}, and this one is of ${own}: volumes are what they were, but images and containers in it hold programs for ${arch}. Pull or build them again, or try --platform.`,
      );
    }
    say(`  qn up ${paths.name}   starts it`);
  },
});
