/** `qn config`: a VM's settings, or those of all VMs. */
import { defineCommand } from "citty";
import { command, jsonArg, vmArg } from "../command.ts";

const allArg = { type: "boolean", description: "The settings of all VMs, below each VM's own" } as const;

const show = command({
  name: "config show",
  description: "Show every setting, its value and where that comes from",
  examples: ["qn config show web"],
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const { showConfig } = await import("./config-run.ts");
    await showConfig(args.vm, args.json === true);
  },
});

const edit = command({
  name: "config edit",
  description: "Change the settings in $VISUAL or $EDITOR; kept only when they are right",
  examples: ["qn config edit", "qn config edit --all"],
  args: { vm: vmArg, all: allArg },
  async run({ args }) {
    const { editConfig } = await import("./config-run.ts");
    await editConfig(args.all === true ? undefined : args.vm);
  },
});

const set = command({
  name: "config set",
  description: "Change settings: qn config set [VM] cpus=4 ports.bind=all",
  examples: ["qn config set cpus=4 ports.bind=all", "qn config set web memoryMiB=8192"],
  words: true,
  args: { all: allArg },
  async run({ args }) {
    const { setConfig } = await import("./config-run.ts");
    await setConfig(args._, args.all === true);
  },
});

const unset = command({
  name: "config unset",
  description: "Give settings their default again: qn config unset [VM] cpus ports.bind",
  examples: ["qn config unset web cpus"],
  words: true,
  args: { all: allArg },
  async run({ args }) {
    const { unsetConfig } = await import("./config-run.ts");
    await unsetConfig(args._, args.all === true);
  },
});

const schema = command({
  name: "config schema",
  description: "Print the settings as JSON Schema, for editors",
  examples: ["qn config schema > qn.schema.json"],
  async run() {
    const { editorSchema } = await import("../../host/config/editor-schema.ts");
    process.stdout.write(`${JSON.stringify(editorSchema(), undefined, 2)}\n`);
  },
});

const path = command({
  name: "config path",
  description: "Print where the settings are",
  examples: ['$EDITOR "$(qn config path web)"'],
  args: { vm: vmArg, all: allArg },
  async run({ args }) {
    const { vmHere } = await import("../vm-here.ts");
    const { paths } = vmHere(args.vm);
    process.stdout.write(`${args.all === true ? paths.commonConfig : paths.config}\n`);
  },
});

export const config = defineCommand({
  meta: { name: "config", description: "Show and change settings" },
  subCommands: { show, edit, set, unset, schema, path },
});
