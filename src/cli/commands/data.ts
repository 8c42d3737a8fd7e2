/** `qn data`: a VM's data on its way to another machine. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    export: {
      description: "Write a stopped VM's Docker data and settings into one file",
      usage: "data export [VM] FILE",
      example: "qn data export web web.qndata",
      load: () => import("./data/export.ts"),
    },
    import: {
      description: "Make a VM of such a file",
      example: "qn data import web.qndata web",
      load: () => import("./data/import.ts"),
    },
  },
};
