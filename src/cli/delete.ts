/** `qn delete`: removes a VM; its data only with --data. */
import { command, vmArg } from "./command.ts";

export const deleteVm = command({
  name: "delete",
  description: "Delete a VM; its data disk stays unless --data is given",
  args: {
    vm: vmArg,
    data: { type: "boolean", description: "Delete the data disk too: images, containers, volumes" },
    force: { type: "boolean", description: "End the VM first if it runs" },
  },
  async run({ args }) {
    const [{ deleteVmFiles }, { vmHere }, { say, succeed, warn }] = await Promise.all([
      import("../host/lifecycle/delete.ts"),
      import("./place.ts"),
      import("./show.ts"),
    ]);
    const { paths } = vmHere(args.vm);
    const what = { data: args.data === true, force: args.force === true };
    const keptData = await deleteVmFiles(paths, process.env, what, warn);
    succeed(`VM "${paths.name}" is deleted.`);
    if (keptData) say(`Its data stays in ${paths.dataDisk}; \`qn up\` uses it again, \`qn delete --data\` deletes it.`);
  },
});
