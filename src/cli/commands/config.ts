/** `qn config`: a VM's settings, or those of all VMs. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    show: {
      description: "Show every setting, its value and where that comes from",
      example: "qn config show web",
      load: () => import("./config/show.ts"),
    },
    edit: {
      description: "Change the settings in $VISUAL or $EDITOR; kept only when they are right",
      example: "qn config edit",
      load: () => import("./config/edit.ts"),
    },
    set: {
      description: "Change settings: qn config set [VM] cpus=4 ports.bind=all",
      example: "qn config set cpus=4 ports.bind=all",
      load: () => import("./config/set.ts"),
    },
    unset: {
      description: "Give settings their default again: qn config unset [VM] cpus ports.bind",
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
