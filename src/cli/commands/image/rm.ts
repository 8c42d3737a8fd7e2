/** `qn image rm`: removes an image that no VM runs on. */
import { QnError } from "../../../base/errors.ts";
import { removeImage } from "../../../host/image/store.ts";
import { statusOfVm, vmNames } from "../../../host/lifecycle/status.ts";
import { isThere } from "../../../system/files.ts";
import { defineCommand } from "../../command.ts";
import { succeed } from "../../terminal/show.ts";
import { qnHome } from "../../vm-here.ts";
import { archArg, archNamed, imageNamed } from "./named.ts";

export const command = defineCommand({
  args: { name: { type: "positional", required: true, description: "The image's name" }, arch: archArg },
  async run({ args: { name, arch: archName } }) {
    const layout = qnHome();
    const arch = archNamed(archName);
    // One that is corrupt, or that qn refuses, can be removed too.
    if (!(await isThere(layout.image(imageNamed(name), arch)))) {
      throw new QnError("IMAGE_MISSING", `There is no image "${name}" for ${arch}.`);
    }
    for (const vm of await vmNames(layout)) {
      const status = await statusOfVm(layout.vm(vm), process.env);
      const runs = status.state !== "stopped" && status.state !== "failed";
      if (runs && status.image === name && status.arch === arch) {
        throw new QnError("IMAGE_IN_USE", `The VM "${vm}" runs on the image "${name}".`);
      }
    }
    await removeImage(layout.images, name, arch);
    succeed(`Image "${name}" for ${arch} is removed.`);
  },
});
