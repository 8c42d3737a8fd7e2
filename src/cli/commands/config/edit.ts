/** `qn config edit`: the settings of a VM, or of all, in the user's editor. */
import { QnError } from "../../../base/errors.ts";
import { counted } from "../../../base/words.ts";
import { draftOf, editFile } from "../../../host/config/change.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { tellingOfNew } from "../../terminal/new-vm.ts";
import { say, succeed } from "../../terminal/show.ts";
import { acceptOf, allArg, diskTurn, sayGrown, sayWhen, settingsFile, type SettingsFile } from "./changing.ts";

export const command = defineCommand({
  examples: ["qn config edit --all"],
  args: { vm: vmArg, all: allArg },
  async run({ args }) {
    const file = settingsFile(args.all === true ? undefined : args.vm);
    await tellingOfNew(file.paths, () => edit(file));
  },
});

// --- internal ---

async function edit({ file, paths }: SettingsFile): Promise<void> {
  using turn = diskTurn(paths);
  const { changed, resumed } = await editFile(file, runEditor, acceptOf(turn));
  const grown = changed.length === 0 ? [] : await turn?.finish();
  if (resumed) say(`The draft ${draftOf(file)} was taken up again.`);
  if (changed.length === 0) return say("No setting has changed.");
  succeed(`${counted(changed.length, "setting")} changed in ${file}.`);
  await sayWhen(paths, changed, grown === undefined);
  sayGrown(grown);
}

/** Runs the user's editor as git does: through a shell, since the variable may hold options. */
async function runEditor(draft: string): Promise<void> {
  const editor = [process.env["VISUAL"], process.env["EDITOR"]].find((name) => name !== undefined && name !== "");
  const child = Bun.spawn(["/bin/sh", "-c", `${editor ?? "vi"} "$@"`, "sh", draft], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  const status = await child.exited;
  if (status === 0) return;
  throw new QnError("TOOL_MISSING", `The editor ${editor ?? "vi"} ended with status ${status}.`, {
    hint: `Set VISUAL or EDITOR to an editor that you have. The draft is kept: ${draft}.`,
  });
}
