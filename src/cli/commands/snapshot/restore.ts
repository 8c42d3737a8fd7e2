/** `qn snapshot restore`: brings a stopped VM back to a snapshot. */
import { basename, join } from "node:path";
import { whileStopped } from "../../../host/lifecycle/while-stopped.ts";
import { restoreSnapshot } from "../../../host/snapshot/restore.ts";
import { snapshotsFolder } from "../../../host/snapshot/names.ts";
import { namedId } from "../../../host/vm/image-choice.ts";
import { effectiveConfig } from "../../../host/vm/settings.ts";
import { readTextIfThere } from "../../../system/files.ts";
import { defineCommand } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { snapshotNamed } from "./named.ts";

export const command = defineCommand({
  examples: ["qn snapshot restore before-upgrade"],
  words: true,
  async run({ args }) {
    const { layout, paths, name } = snapshotNamed(args._, "snapshot restore web before-upgrade");
    // What the settings name once they are the snapshot's.
    const own = await readTextIfThere(join(snapshotsFolder(paths), name, basename(paths.config)));
    const named = await namedId(layout, (await effectiveConfig(paths, process.env, {}, own)).config);
    await whileStopped(paths, process.env, () => restoreSnapshot(paths, name, named));
    succeed(`VM "${paths.name}" is what it was in the snapshot "${name}".`);
    say(`  qn up ${paths.name}   starts it`);
  },
});
