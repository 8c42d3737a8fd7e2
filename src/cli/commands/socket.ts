/** `qn socket`: Docker's usual socket path, for programs that look nowhere else. */
import { defineCommand } from "citty";
import { command, jsonArg, vmArg } from "../command.ts";

const status = command({
  name: "socket status",
  description: "Say what is at /var/run/docker.sock",
  examples: ["qn socket status"],
  args: { json: jsonArg },
  async run({ args }) {
    const [{ lookAtSocket, placeWords }, { layoutHere }, { printJson, say }] = await parts();
    const place = await lookAtSocket(layoutHere());
    if (args.json === true) return printJson(place);
    say(`${placeWords(place)}.`);
  },
});

const link = command({
  name: "socket link",
  description: "Make /var/run/docker.sock lead to a VM; never in place of a daemon that answers",
  examples: ["qn socket link", "qn socket link web --sudo"],
  args: { vm: vmArg, sudo: { type: "boolean", description: "Ask sudo for the right to do it, if need be" } },
  async run({ args }) {
    const [{ linkCommand, linkSocket, usualSocket }, { vmHere }, { say, succeed }] = await parts();
    const { layout, paths } = vmHere(args.vm);
    const isNew = await withSudo(args.sudo === true, linkCommand(paths), () => linkSocket(layout, paths));
    if (isNew) succeed(`${usualSocket} leads to the VM "${paths.name}".`);
    else say(`${usualSocket} leads to the VM "${paths.name}" already.`);
  },
});

const unlink = command({
  name: "socket unlink",
  description: "Remove the link at /var/run/docker.sock, if it is qn's",
  examples: ["qn socket unlink --sudo"],
  args: { sudo: { type: "boolean", description: "Ask sudo for the right to do it, if need be" } },
  async run({ args }) {
    const [{ unlinkSocket, usualSocket }, { layoutHere }, { say, succeed }] = await parts();
    const remove = ["sudo", "rm", usualSocket];
    const wasThere = await withSudo(args.sudo === true, remove, () => unlinkSocket(layoutHere()));
    if (wasThere) succeed(`${usualSocket} is removed.`);
    else say(`${usualSocket} is not there.`);
  },
});

export const socket = defineCommand({
  meta: { name: "socket", description: "Let /var/run/docker.sock lead to a VM, for programs that look nowhere else" },
  subCommands: { link, unlink, status },
});

// --- internal ---

function parts() {
  return Promise.all([
    import("../../host/integrate/docker/socket-link.ts"),
    import("../vm-here.ts"),
    import("../terminal/show.ts"),
  ] as const);
}

/** Does it, or lets sudo do it when the user has asked for that and the right is missing. */
async function withSudo(mayAsk: boolean, sudo: readonly string[], action: () => Promise<boolean>): Promise<boolean> {
  const { QnError } = await import("../../base/errors.ts");
  try {
    return await action();
  } catch (error) {
    if (!mayAsk || !(error instanceof QnError) || error.code !== "NOT_PERMITTED") throw error;
    const { exited } = Bun.spawn([...sudo], { stdio: ["inherit", "inherit", "inherit"] });
    if ((await exited) !== 0) throw error;
    return true;
  }
}
