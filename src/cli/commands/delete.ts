/** `qn delete`: removes a VM; its data only with --data. */
import { command, vmArg } from "../command.ts";

export const deleteVm = command({
  name: "delete",
  description: "Delete a VM; its data disk stays unless --data is given",
  examples: ["qn delete web", "qn delete --force --data"],
  args: {
    vm: vmArg,
    data: { type: "boolean", description: "Delete the data disk too: images, containers, volumes" },
    force: { type: "boolean", description: "End the VM first if it runs" },
  },
  async run({ args }) {
    const [{ deleteVmFiles }, { uninstallService }, { serviceHost }, { vmHere }, { say, succeed, warn }] =
      await Promise.all([
        import("../../host/lifecycle/delete.ts"),
        import("../../host/integrate/service/manage.ts"),
        import("./service-run.ts"),
        import("../vm-here.ts"),
        import("../terminal/show.ts"),
      ]);
    const { paths } = vmHere(args.vm);
    const what = { data: args.data === true, force: args.force === true };
    const keptData = await deleteVmFiles(paths, process.env, what, warn);
    if (await uninstallService(serviceHost(), paths)) say("It does not start at login any more.");
    succeed(`VM "${paths.name}" is deleted.`);
    if (keptData) say(`Its data stays in ${paths.dataDisk}; \`qn up\` uses it again, \`qn delete --data\` deletes it.`);
  },
});
