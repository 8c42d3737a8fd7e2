/** `qn snapshot rm`: removes a snapshot. */
import { whileStopped } from "../../../host/lifecycle/while-stopped.ts";
import { removeSnapshot } from "../../../host/snapshot/restore.ts";
import { defineCommand } from "../../command.ts";
import { succeed } from "../../terminal/show.ts";
import { snapshotNamed } from "./named.ts";

export const command = defineCommand({
  examples: ["qn snapshot rm before-upgrade"],
  words: true,
  async run({ args }) {
    const { paths, name } = snapshotNamed(args._, "snapshot rm web before-upgrade");
    await whileStopped(paths, process.env, () => removeSnapshot(paths, name));
    succeed(`Snapshot "${name}" of VM "${paths.name}" is removed.`);
  },
});
