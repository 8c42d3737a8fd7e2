/** `qn image ls`: the images that there are. */
import { byteSize } from "../../../base/words.ts";
import { listImages } from "../../../host/image/store.ts";
import { defineCommand, jsonArg } from "../../command.ts";
import { printJson, printTable } from "../../terminal/print.ts";
import { say } from "../../terminal/show.ts";
import { qnHome } from "../../vm-here.ts";

export const command = defineCommand({
  args: { json: jsonArg },
  async run({ args }) {
    const images = await listImages(qnHome().images);
    if (args.json === true) return printJson(images.map(({ folder, manifest }) => ({ folder, ...manifest })));
    if (images.length === 0) return say("There are no images; `qn image build` makes one.");
    printTable(
      ["NAME", "ARCH", "VERSION", "RECIPE", "SIZE"],
      images.map(({ manifest: { name, arch, version, recipe, disk } }) => [
        name,
        arch,
        version,
        recipe,
        byteSize(disk.sizeBytes),
      ]),
    );
  },
});
