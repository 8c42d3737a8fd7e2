/** `qn image rollback`: a VM goes back to the image before. */
import { rollBackVm } from "../../../host/lifecycle/roll-back.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { qnHome } from "../../vm-here.ts";

export const command = defineCommand({
  examples: ["qn image rollback web"],
  args: { vm: vmArg },
  async run({ args }) {
    const layout = qnHome();
    const paths = layout.vm(args.vm);
    const { name, version } = (await rollBackVm(layout, paths, process.env)).manifest;
    succeed(`The VM "${paths.name}" starts on the image "${name}" ${version} next, as it did before.`);
    say("Its data are as they were. Another `qn image rollback` takes this back; a newer image is taken as ever.");
  },
});
