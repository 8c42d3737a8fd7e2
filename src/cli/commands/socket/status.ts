/** `qn socket status`: what is at Docker's usual socket path. */
import { lookAtSocket, describeSocket } from "../../../host/integrate/docker/socket-link.ts";
import { defineCommand, jsonArg } from "../../command.ts";
import { printJson } from "../../terminal/print.ts";
import { say } from "../../terminal/show.ts";
import { qnHome } from "../../vm-here.ts";

export const command = defineCommand({
  args: { json: jsonArg },
  async run({ args }) {
    const socket = await lookAtSocket(qnHome());
    const { isAlive: reachable, ...rest } = socket;
    if (args.json === true) return printJson("socket status", { ...rest, reachable });
    say(`${describeSocket(socket)}.`);
  },
});
