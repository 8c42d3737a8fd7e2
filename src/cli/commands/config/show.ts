/** `qn config show`: the effective settings with their origins; of `default`, also before it is there. */
import { leaves } from "../../../host/config/schema.ts";
import { valueAt } from "../../../host/config/setting.ts";
import { requireVm } from "../../../host/vm/require-vm.ts";
import { effectiveConfig } from "../../../host/vm/settings.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { printJson, printTable } from "../../terminal/print.ts";
import { originWords, valueWords } from "../../terminal/setting-words.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    if (paths.name !== "default") await requireVm(paths);
    const { config, origins } = await effectiveConfig(paths, process.env);
    const rows = leaves.map(({ path, variable, effective }) => {
      const origin = origins[path] ?? { from: "default" };
      return { path, value: valueAt(config, path), origin, variable, effective };
    });
    if (args.json === true) {
      return printJson(
        Object.fromEntries(
          rows.map(({ path, value, origin, variable, effective }) => [path, { value, origin, variable, effective }]),
        ),
      );
    }
    printTable(
      ["SETTING", "VALUE", "FROM"],
      rows.map(({ path, value, origin }) => [path, valueWords(value), originWords(origin)]),
    );
  },
});
