/** `qn image rm`: removes an image that no VM needs. */
import { byteSize } from "../../../base/words.ts";
import { removeImage } from "../../../host/image/sweep.ts";
import { statusOfVm, vmNames } from "../../../host/lifecycle/status.ts";
import { QnError } from "../../../base/errors.ts";
import { isThere } from "../../../system/files.ts";
import { defineCommand } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { qnHome } from "../../vm-here.ts";
import { archArg, archNamed, imageNamed } from "./named.ts";

export const command = defineCommand({
  args: {
    name: { type: "positional", required: true, description: "The image's name" },
    arch: archArg,
    force: {
      type: "boolean",
      alias: "f",
      description: "Also one of stopped VMs, which get a new system disk at their next start",
    },
  },
  async run({ args: { name, arch: archName, force } }) {
    const layout = qnHome();
    const arch = archNamed(archName);
    // One that is corrupt, or that qn refuses, can be removed too.
    if (!(await isThere(layout.image(imageNamed(name), arch)))) {
      throw new QnError("IMAGE_MISSING", `There is no image "${name}" for ${arch}.`);
    }
    const stopped = new Set<string>();
    for (const vm of force === true ? await vmNames(layout) : []) {
      const { state } = await statusOfVm(layout.vm(vm), process.env);
      if (state === "stopped" || state === "failed") stopped.add(vm);
    }
    const freed = await removeImage(layout.images, `${name}-${arch}`, (vm) => stopped.has(vm));
    succeed(`Image "${name}" for ${arch} is removed.`);
    const bytes = freed.reduce((sum, each) => sum + each.bytes, 0);
    if (freed.length > 0) say(`${byteSize(bytes)} are free again.`);
    else say("Its files stay: a VM can go back to it, or it has another name.");
  },
});
