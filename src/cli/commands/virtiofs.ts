/** `qn virtiofs`: hidden; holds one mount for QEMU, and is the worker that serves it, and what that cannot wait for. */
import { QnError } from "../../base/errors.ts";
import { answeringFor } from "../../host/virtiofs/answering.ts";
import { lifetimeOf } from "../../host/virtiofs/fuse/attributes.ts";
import { holdShare } from "../../host/virtiofs/holder.ts";
import { serveShare } from "../../host/virtiofs/worker.ts";
import { syncFileSystem } from "../../system/kernel/file-calls.ts";
import { openFilesMax } from "../../system/open-files.ts";
import { defineCommand } from "../command.ts";
import { runningCommand } from "../self.ts";
import { warn } from "../terminal/show.ts";

export const command = defineCommand({
  args: {
    folder: { type: "string", required: true, description: "The folder to serve" },
    socket: { type: "string", required: true, description: "Where QEMU connects" },
    "read-only": { type: "boolean", description: "Let nobody write" },
    answer: { type: "string", description: "Where clients of sockets go that containers make in the folder" },
    tag: { type: "string", description: "The mount's name, for whoever listens there" },
    "lifetime-ms": { type: "string", default: "100", description: "How long the guest believes what it knows" },
    worker: { type: "boolean", description: "Serve, for the one who holds the mount" },
    sync: { type: "boolean", description: "Bring the file system of standard input to the disk, for the same" },
  },
  async run({ args, rawArgs }) {
    if (args.sync === true) {
      const exitCode = -syncFileSystem(0);
      // Only the one who holds the mount hears it.
      process.exitCode = exitCode;
      return;
    }
    if (args.worker !== true) {
      // The socket is for its owner only.
      process.umask(0o077);
      // Nobody says anything there: it ends when its starter does.
      const starter = Bun.stdin.stream().getReader();
      const options = {
        command: [...runningCommand(), "virtiofs", ...rawArgs, "--worker"],
        syncCommand: [...runningCommand(), "virtiofs", ...rawArgs, "--sync"],
        socketPath: args.socket,
        starterGone: starter.read(),
        answering:
          args.answer === undefined
            ? undefined
            : answeringFor(args.folder, { supervisor: args.answer, tag: args.tag ?? "" }),
        warn,
      };
      const hasServed = await holdShare(options);
      // It would keep this process.
      await starter.cancel();
      if (hasServed) return;
      throw new QnError("QEMU_FAILED", `The mount ${args.folder} cannot be served.`);
    }
    // Modes are the guest's own words, mask and all.
    process.umask(0);
    // The supervisor's word, which is 0 for a mount whose guest believes nothing.
    const lifetime = lifetimeOf(Number(args["lifetime-ms"]));
    const share = {
      path: args.folder,
      readOnly: args["read-only"] === true,
      answers: args.answer !== undefined,
      names: lifetime,
      attributes: lifetime,
      descriptorsMax: openFilesMax(),
    };
    serveShare(share, warn);
    // oxlint-disable-next-line unicorn/no-process-exit -- QEMU has hung up, and nothing is left to do
    process.exit();
  },
});
