/** `qn image ls`: the images that there are, and who needs them. */
import { byteSize } from "../../../base/words.ts";
import { shortId } from "../../../host/image/address.ts";
import { type InventoryImage, takeInventory } from "../../../host/image/inventory.ts";
import { defineCommand, jsonArg } from "../../command.ts";
import { printJson, printTable } from "../../terminal/print.ts";
import { say } from "../../terminal/show.ts";
import { qnHome } from "../../vm-here.ts";

export const command = defineCommand({
  args: { json: jsonArg },
  async run({ args }) {
    const images = await takeInventory(qnHome());
    if (args.json === true) return printJson("image ls", images.map(jsonOf));
    if (images.length === 0)
      return say("There are no images; `qn image pull` fetches one, `qn image build` makes one.");
    printTable(
      ["NAME", "ARCH", "VERSION", "ID", "SIZE", "USED BY"],
      images.map((image) => [
        namesOf(image),
        image.manifest.arch,
        versionOf(image),
        shortId(image.id),
        byteSize(image.bytesOnDisk),
        usersOf(image),
      ]),
    );
    const isUnneeded = images.some(({ entries, usedBy }) => entries.length === 0 && usedBy.length === 0);
    if (isUnneeded) say("`qn image prune` removes those without a name that no VM needs.");
  },
});

// --- internal ---

/** A name in the store ends with the architecture, which has a column of its own. */
function namesOf({ entries, manifest: { arch } }: InventoryImage): string {
  return entries.length === 0 ? "(none)" : entries.map((entry) => entry.replace(`-${arch}`, "")).join(", ");
}

function versionOf({ manifest: { version }, newer }: InventoryImage): string {
  return newer === null ? version : `${version} (${newer} is out)`;
}

function usersOf({ usedBy }: InventoryImage): string {
  const marks = { "system disk": "", before: " (before)", snapshot: " (snapshot)" } as const;
  return usedBy.map(({ vm, as }) => `${vm}${marks[as]}`).join(", ");
}

function jsonOf({ id, folder, entries, manifest, bytesOnDisk, usedBy, newer }: InventoryImage) {
  return { ...manifest, id, folder, names: entries, usedBytes: bytesOnDisk, usedBy, newer };
}
