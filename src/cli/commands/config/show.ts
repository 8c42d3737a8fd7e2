/** `qn config show`: the effective settings with their origins; of `default`, also before it is there. */
import { isSettingName, leafAt } from "../../../host/config/load.ts";
import { leaves } from "../../../host/config/schema.ts";
import { valueAt } from "../../../host/config/setting.ts";
import { requireVm } from "../../../host/vm/require-vm.ts";
import { effectiveConfig } from "../../../host/vm/settings.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { printJson, printTable } from "../../terminal/print.ts";
import { originWords, valueWords } from "../../terminal/setting-words.ts";
import { vmNamed } from "../../vm-here.ts";
import { splitWords } from "./changing.ts";

export const command = defineCommand({
  examples: ["qn config show cpus memoryMiB"],
  words: true,
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const { vm = "default", rest } = splitWords(args._, false, (word) => !isSettingName(word));
    const wanted = rest.map((path) => leafAt(path).path);
    const { paths } = vmNamed(vm);
    if (paths.name !== "default") await requireVm(paths);
    const { config, origins } = await effectiveConfig(paths, process.env);
    const shown = leaves.filter(({ path }) => wanted.length === 0 || wanted.includes(path));
    const rows = shown.map(({ path, variable, effective, rule }) => {
      const origin = origins[path] ?? { from: "default" };
      return { path, value: valueAt(config, path), origin, variable, effective, rule };
    });
    if (args.json === true) {
      const settings = rows.map(
        ({ path, value, origin, variable, effective }) =>
          [path, { value, origin, variable, takesEffect: effective }] as const,
      );
      return printJson("config show", { settings: Object.fromEntries(settings) });
    }
    printTable(
      ["SETTING", "VALUE", "FROM"],
      rows.map(({ path, value, origin, rule }) => [path, valueWords(value), originWords(origin, rule)]),
    );
  },
});
