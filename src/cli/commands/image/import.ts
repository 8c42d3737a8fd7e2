/** `qn image import`: takes a disk from a file into the store of images. */
import { basename, resolve } from "node:path";
import { isImageName } from "../../../host/image/manifest.ts";
import { importImage } from "../../../host/image/import.ts";
import { QnError } from "../../../base/errors.ts";
import { defineCommand } from "../../command.ts";
import { progressLine } from "../../terminal/progress.ts";
import { succeed } from "../../terminal/show.ts";
import { interruption } from "../../terminal/signals.ts";
import { qnHome } from "../../vm-here.ts";
import { archArg, archNamed, imageNamed } from "./named.ts";

export const command = defineCommand({
  examples: ["qn image import /mnt/stick/debian.raw --arch aarch64"],
  args: {
    file: { type: "positional", required: true, description: "The disk: qcow2 or raw, also packed with zstd" },
    name: {
      type: "string",
      description: "The image's name; by default the file's, up to its first dot",
      valueHint: "NAME",
    },
    arch: archArg,
    version: { type: "string", description: "What `qn image ls` shows as its version", valueHint: "VERSION" },
  },
  async run({ args }) {
    const file = resolve(args.file);
    using interrupted = interruption();
    using progress = progressLine();
    const { manifest, folder } = await importImage({
      imagesFolder: qnHome().images,
      file,
      name: args.name === undefined ? nameOf(file) : imageNamed(args.name),
      arch: archNamed(args.arch),
      version: args.version,
      signal: interrupted.signal,
      onBytes: progress.show,
    });
    progress.done();
    succeed(`Image "${manifest.name}" ${manifest.version} for ${manifest.arch} is taken in: ${folder}`);
  },
});

// --- internal ---

function nameOf(file: string): string {
  const [name = ""] = basename(file).split(".");
  if (isImageName(name)) return name;
  throw new QnError("USAGE", `"${name}" cannot be the name of an image.`, { hint: "Give it one with --name." });
}
