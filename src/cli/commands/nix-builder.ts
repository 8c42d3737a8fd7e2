/** `qn nix-builder`: a VM builds for this machine's Nix. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    enable: {
      description: "Let this machine's Nix build Linux packages in a VM",
      example: "qn nix-builder enable --sudo",
      load: () => import("./nix-builder/enable.ts"),
    },
    disable: {
      description: "Undo `enable`",
      example: "qn nix-builder disable --sudo",
      load: () => import("./nix-builder/disable.ts"),
    },
  },
};
