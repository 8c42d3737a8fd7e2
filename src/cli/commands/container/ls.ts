/** `qn container ls`: the containers of a VM. */
import { inContainers, parseContainers } from "../../../host/nixos/machines/machines-script.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { printJson, printTable } from "../../terminal/print.ts";
import { say } from "../../terminal/show.ts";
import { runningVm } from "./named.ts";

export const command = defineCommand({
  examples: ["qn container ls web --json"],
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const containers = parseContainers(await inContainers(await runningVm(args.vm), "list"));
    if (args.json === true) return printJson("container ls", containers);
    if (containers.length === 0) {
      return say(`VM "${args.vm}" has no containers of systemd's; Docker's are those of docker ps.`);
    }
    printTable(
      ["NAME", "STATE", "ADDRESSES"],
      containers.map(({ name, state, addresses }) => [name, state, addresses.join(" ")]),
    );
  },
});
