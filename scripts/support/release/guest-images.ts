/** The guest images of a release: taken from where they are built, or built here by the release's own programs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { arches } from "../../../src/base/words.ts";
import { parseManifest } from "../../../src/host/image/manifest.ts";
import { protocolVersion } from "../../../src/protocol/messages.ts";
import { isThere } from "../../../src/system/files.ts";
import { run } from "../../../src/system/process.ts";

/**
 * The folders of both architectures' images in `folder`, a QN_HOME or its folder of images. Throws when one is missing,
 * and when one has an agent with which this qn does not speak.
 */
export async function imagesIn(folder: string): Promise<readonly string[]> {
  const images = (await isThere(join(folder, "_images"))) ? join(folder, "_images") : folder;
  const found = arches.map((arch) => join(images, `debian-${arch}`));
  for (const image of found) {
    const path = join(image, "image.json");
    if (!(await isThere(path))) throw new Error(`There is no guest image ${image}.`);
    const { protocol } = parseManifest(await readFile(path, "utf8"), path);
    if (protocol !== protocolVersion) {
      throw new Error(
        `The guest image ${image} speaks protocol ${protocol}, and this qn speaks ${protocolVersion}: build it anew.`,
      );
    }
  }
  return found;
}

/**
 * Builds both images with a QN_HOME of their own, by a Linux program that has the other one beside it, which becomes
 * the agent; those that are up to date are not built again. Throws with the build's last lines.
 */
export async function buildImages(
  program: string,
  home: string,
  say: (text: string) => void,
): Promise<readonly string[]> {
  for (const arch of arches) {
    const command = [program, "image", "build", "--arch", arch];
    const { exitCode, stderr } = await run(command, { env: { ...process.env, QN_HOME: home }, onErrorLine: say });
    if (exitCode !== 0) {
      const last = stderr.trim().split("\n").slice(-5).join("\n");
      throw new Error(`The guest image for ${arch} was not built:\n${last}`);
    }
  }
  return await imagesIn(home);
}
