/** `qn image prune`: removes images that nothing leads to any more, and templates; says what that frees. */
import { byteSize, counted } from "../../../base/words.ts";
import { shortId } from "../../../host/image/address.ts";
import { sweep } from "../../../host/image/sweep.ts";
import { removeTemplates } from "../../../host/throwaway/folders.ts";
import { defineCommand, jsonArg } from "../../command.ts";
import { printJson, printTable } from "../../terminal/print.ts";
import { say, succeed } from "../../terminal/show.ts";
import { qnHome } from "../../vm-here.ts";

export const command = defineCommand({
  examples: ["qn image prune --all --dry-run"],
  args: {
    all: { type: "boolean", description: "Also images with a name that no VM needs" },
    "dry-run": { type: "boolean", description: "Only say what would go" },
    json: jsonArg,
  },
  async run({ args }) {
    const isDry = args["dry-run"] === true;
    const layout = qnHome();
    // First: they need images.
    const templates = await removeTemplates(layout, isDry);
    const freed = [...templates, ...(await sweep(layout.images, { isAll: args.all === true, isDry }))];
    const bytes = freed.reduce((sum, each) => sum + each.bytes, 0);
    if (args.json === true) {
      const images = freed.map((each) => ({ id: each.id, names: each.entries, usedBytes: each.bytes }));
      return printJson("image prune", { removed: !isDry, freedBytes: bytes, images });
    }
    const and = templates.length === 0 ? "" : ` and ${counted(templates.length, "template")} of \`qn run\``;
    if (freed.length === 0) return say("There is nothing to remove.");
    printTable(
      ["ID", "NAMES", "SIZE"],
      freed.map((each) => [
        each.id === null ? (each.entries.length === 0 ? "(unfinished)" : "(template)") : shortId(each.id),
        each.entries.join(", "),
        byteSize(each.bytes),
      ]),
    );
    const what = `${byteSize(bytes)} of ${counted(freed.length - templates.length, "image")}${and}`;
    if (isDry) say(`${what} would be free again.`);
    else succeed(`${what} are free again.`);
  },
});
