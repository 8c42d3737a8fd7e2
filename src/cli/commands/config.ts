/** `qn config`: a VM's settings, or those of all VMs. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    show: {
      description: "Show every setting, or some, with its value and where that comes from",
      usage: "config show [VM] [NAME...] [OPTIONS]",
      aliases: ["ls", "list", "get"],
      example: "qn config show web",
      load: () => import("./config/show.ts"),
    },
    edit: {
      description: "Change the settings in $VISUAL or $EDITOR; mistakes are refused",
      example: "qn config edit",
      load: () => import("./config/edit.ts"),
    },
    set: {
      description: "Change settings",
      usage: "config set [VM] NAME=VALUE... [OPTIONS]",
      example: "qn config set cpus=4 ports.bind=all",
      load: () => import("./config/set.ts"),
    },
    unset: {
      description: "Give settings their default again",
      usage: "config unset [VM] NAME... [OPTIONS]",
      example: "qn config unset web cpus",
      load: () => import("./config/unset.ts"),
    },
    schema: {
      description: "Print the settings as JSON Schema, for editors",
      example: "qn config schema > qn.schema.json",
      load: () => import("./config/schema.ts"),
    },
    path: {
      description: "Print where the settings are",
      example: '$EDITOR "$(qn config path web)"',
      load: () => import("./config/path.ts"),
    },
  },
};
