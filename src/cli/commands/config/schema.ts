/** `qn config schema`: the settings as JSON Schema, for editors. */
import { editorSchema } from "../../../host/config/editor-schema.ts";
import { defineCommand } from "../../command.ts";
import { printWords } from "../../terminal/print.ts";

export const command = defineCommand({
  async run() {
    printWords([JSON.stringify(editorSchema(), undefined, 2)]);
  },
});
