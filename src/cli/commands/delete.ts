/** `qn delete`: removes a VM; its data only with --data. */
import { uninstallService } from "../../host/integrate/service/manage.ts";
import { liveDisk } from "../../host/image/live-disk.ts";
import { deleteVmFiles } from "../../host/lifecycle/delete.ts";
import { lastingPaths } from "../../host/vm/own-disks.ts";
import { isThere } from "../../system/files.ts";
import { defineCommand, ifExistsArg, vmArg } from "../command.ts";
import { say, succeed, warn } from "../terminal/show.ts";
import { serviceHost, vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn delete --force --data"],
  args: {
    vm: vmArg,
    data: { type: "boolean", description: "Delete the data disk too: images, containers, volumes" },
    force: { type: "boolean", alias: "f", description: "End the VM first if it runs" },
    yes: { type: "boolean", alias: "y", description: "Accepted for habit; qn asks no questions" },
    "if-exists": ifExistsArg,
  },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    const places = [paths.folder, ...(args.data === true ? lastingPaths(paths) : [])];
    const isGone = !(await Promise.all(places.map(isThere))).some(Boolean);
    if (args["if-exists"] === true && isGone) return say(`Nothing to do: "${paths.name}" is no VM.`);
    const what = { data: args.data === true, force: args.force === true };
    const keptData = await deleteVmFiles(paths, process.env, what, warn);
    if (await uninstallService(serviceHost(), paths)) say("It does not start at login any more.");
    succeed(`VM "${paths.name}" is deleted.`);
    if (keptData)
      say(
        `Its data stays in ${(await liveDisk(paths.dataDisk)).path}; \`qn up\` uses it again, \`qn delete --data\` deletes it.`,
      );
  },
});
