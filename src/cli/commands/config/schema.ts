/** `qn config schema`: the settings as JSON Schema, for editors. */
import { editorSchema } from "../../../host/config/editor-schema.ts";
import { defineCommand } from "../../command.ts";
import { printJson } from "../../terminal/print.ts";

export const command = defineCommand({
  async run() {
    printJson(editorSchema());
  },
});
