/** `qn mounts forget-owners`: what containers have given away in a folder is the user's again. */
import { resolve } from "node:path";
import { messageOf, QnError } from "../../../base/errors.ts";
import { forgetOwners } from "../../../host/virtiofs/forget-owners.ts";
import { ownerAttribute } from "../../../host/virtiofs/node/owner.ts";
import { defineCommand } from "../../command.ts";
import { succeed } from "../../terminal/show.ts";

export const command = defineCommand({
  args: {
    folder: { type: "positional", required: true, description: "The folder, with all that is in it" },
  },
  async run({ args }) {
    const folder = resolve(args.folder);
    if (process.platform !== "linux") {
      const hint = `\`xattr -r -d ${ownerAttribute} FOLDER\` takes away what mounts of virtiofs have kept.`;
      throw new QnError("USAGE", "This command is for Linux.", { hint });
    }
    const count = countIn(folder);
    succeed(
      count === 0
        ? `Nothing was kept of owners in ${folder}.`
        : `What was kept of the owners of ${count} files and folders in ${folder} is forgotten.`,
    );
  },
});

// --- internal ---

function countIn(folder: string): number {
  try {
    return forgetOwners(folder);
  } catch (cause) {
    throw new QnError("USAGE", `${folder} cannot be read: ${messageOf(cause)}.`, { cause });
  }
}
