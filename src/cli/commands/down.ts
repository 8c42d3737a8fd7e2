/** `qn down`: shuts the VM down cleanly, then by force; or suspends it. */
import { QnError } from "../../base/errors.ts";
import { counted } from "../../base/words.ts";
import { type DownOptions, type DownResult, takeDown } from "../../host/lifecycle/down.ts";
import type { VmPaths } from "../../host/layout.ts";
import { effectiveConfig } from "../../host/vm/settings.ts";
import { isThere } from "../../system/files.ts";
import { defineCommand, ifExistsArg, vmArg } from "../command.ts";
import { say, succeed, warn } from "../terminal/show.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn down web --force", "qn down --suspend"],
  args: {
    vm: vmArg,
    suspend: { type: "boolean", description: "Keep its memory in a file, from which `qn up` goes on" },
    shutdown: { type: "boolean", description: "Shut it down, whatever the setting `down` says" },
    force: { type: "boolean", alias: "f", description: "Kill it at once, like pulling the plug" },
    "if-exists": ifExistsArg,
  },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    if (args["if-exists"] === true && !(await isThere(paths.folder)))
      return say(`Nothing to do: "${paths.name}" is no VM.`);
    const force = args.force === true;
    if ([args.suspend, args.shutdown, force].filter((flag) => flag === true).length > 1) {
      throw new QnError("USAGE", "Only one of --suspend, --shutdown and --force can be given.");
    }
    const isPlain = args.shutdown !== true && !force;
    const wanted = args.suspend === true ? "flag" : isPlain && (await suspends(paths)) ? "setting" : undefined;
    const keepSuspended = isPlain;
    if (wanted === undefined) return tell(paths, await takeDown(paths, { force, keepSuspended }));
    try {
      tell(paths, await takeDown(paths, { force, keepSuspended, suspend: sayStopped }));
    } catch (error) {
      // Who has only said it once and for all wants the VM down in any case.
      if (wanted === "flag" || !(error instanceof QnError) || error.code !== "SUSPEND_REFUSED") throw error;
      warn(`${error.message} It is shut down.`);
      tell(paths, await takeDown(paths, { force, keepSuspended }));
    }
  },
});

// --- internal ---

/** Settings that are wrong are no reason to keep a VM up. */
async function suspends(paths: VmPaths): Promise<boolean> {
  const loaded = await effectiveConfig(paths, process.env).catch(() => undefined);
  return loaded?.config.down === "suspend";
}

const sayStopped: DownOptions["suspend"] = (containers) => {
  if (containers.length === 0) return;
  say(
    `${counted(containers.length, "container")} with mounts stopped, to start again with \`qn up\`: ${containers.join(", ")}.`,
  );
};

function tell({ name }: VmPaths, result: DownResult): void {
  switch (result) {
    case "already-stopped":
      return say(`VM "${name}" is already stopped.`);
    case "stopped":
      return succeed(`VM "${name}" has shut down.`);
    case "suspended":
      return succeed(`VM "${name}" is suspended.`);
    case "given-up":
      return succeed(`VM "${name}" was suspended; its memory is given up, as in a power cut.`);
    case "forced":
      return succeed(`VM "${name}" was ended by force.`);
  }
}
