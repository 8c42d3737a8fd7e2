/** `qn complete`: hidden; what the completion scripts call for the words that fit. */
import type { CommandDef } from "citty";
import { defineCommand, wordsBehindDashes } from "../command.ts";
import { candidates, type Names } from "../completion/candidates.ts";
import { printWords } from "../terminal/print.ts";
import type { Root } from "../tree.ts";
import { qnHome } from "../vm-here.ts";

/** Imported only where they are candidates: each press of Tab is a new process. */
const names: Names = {
  async vms() {
    const { vmNames } = await import("../../host/lifecycle/status.ts");
    return await vmNames(qnHome());
  },
  async images() {
    const { listImages } = await import("../../host/image/store.ts");
    return (await listImages(qnHome().images)).map(({ manifest }) => manifest.name);
  },
  async settings() {
    return (await import("../../host/config/schema.ts")).leaves;
  },
};

/** The command that completes the lines of `root`, the tree that it is itself a part of. */
export function completeFor(root: Root): CommandDef {
  return defineCommand({
    passthrough: true,
    async run({ rawArgs }) {
      const found = await candidates(root, wordsBehindDashes(rawArgs) ?? [], names);
      printWords(found.map(({ word, about }) => (about === "" ? word : `${word}\t${about}`)));
    },
  });
}
