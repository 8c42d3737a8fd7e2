/** `qn socket unlink`: removes the link at Docker's usual socket path, if it is qn's. */
import { unlinkSocket, usualSocket } from "../../../host/integrate/docker/socket-link.ts";
import { defineCommand } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { withSudo } from "../../terminal/sudo.ts";
import { qnHome } from "../../vm-here.ts";

export const command = defineCommand({
  args: { sudo: { type: "boolean", description: "Ask sudo for the right to do it, if need be" } },
  async run({ args }) {
    const wasThere = await withSudo(args.sudo === true, ["sudo", "rm", usualSocket], () => unlinkSocket(qnHome()));
    if (wasThere) succeed(`${usualSocket} is removed.`);
    else say(`${usualSocket} is not there.`);
  },
});
