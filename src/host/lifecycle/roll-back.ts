/** Lets a stopped VM go back to the image that it had before; its data stay. */
import { QnError } from "../../base/errors.ts";
import { refuseSkew } from "../../protocol/skew-words.ts";
import { refuseOlderData } from "../image/data-version.ts";
import { imageById, type StoredImage, verifyImage } from "../image/store.ts";
import { readVmImages, writeVmImages } from "../image/vm-images.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { namedId } from "../vm/image-choice.ts";
import { effectiveConfig, type Environment } from "../vm/settings.ts";
import { whileStopped } from "./while-stopped.ts";

/**
 * Goes back, and gives the image that the VM starts on next; what it had is then what it was before, so that going back
 * twice changes nothing. The image that its name leads to now is not taken again, a newer one is. Nothing is changed
 * but one note, in one step. Throws NO_SUCH_VM, VM_RUNNING, VM_NEWER, IMAGE_MISSING when there is nothing to go back
 * to, IMAGE_CORRUPT, AGENT_INCOMPATIBLE, DISK_FAILED, and DATA_NEWER when that image could not read the VM's data.
 */
export async function rollBackVm(layout: Layout, paths: VmPaths, env: Environment): Promise<StoredImage> {
  return await whileStopped(paths, env, async () => {
    const { config } = await effectiveConfig(paths, env);
    const known = await readVmImages(paths);
    const image = known?.previous == null ? undefined : await imageById(layout.images, known.previous);
    if (known === undefined || image === undefined) {
      throw new QnError("IMAGE_MISSING", `There is no image that "${paths.name}" had before.`, {
        hint: "`qn image ls` shows the images; the setting `image` names the one of a VM.",
      });
    }
    const { arch, protocol, name, version } = image.manifest;
    if (arch !== config.arch) {
      throw new QnError("IMAGE_MISSING", `The image that "${paths.name}" had before is one for ${arch}.`, {
        hint: `Set arch to ${arch} first.`,
      });
    }
    refuseSkew(`The image "${name}" (${version})`, protocol);
    await refuseOlderData(paths, image);
    await verifyImage(image);
    await writeVmImages(paths, {
      current: image.id,
      name: config.image,
      previous: known.current,
      declined: (await namedId(layout, config)) ?? known.current,
    });
    return image;
  });
}
