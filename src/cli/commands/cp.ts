/** `qn cp`: copies files and folders between this machine and a VM. */
import { command } from "../command.ts";

export const cp = command({
  name: "cp",
  description: "Copy files and folders: qn cp SRC VM:DST, qn cp VM:SRC DST",
  examples: ["qn cp notes.txt default:/tmp/", "qn cp web:/var/log/dpkg.log ."],
  args: {
    source: { type: "positional", required: true, description: "A path here, or VM:PATH in a VM" },
    destination: { type: "positional", required: true, description: "Where to: the other of the two" },
    recursive: { type: "boolean", alias: "r", description: "As scp has it; folders are copied whole without it too" },
  },
  async run({ args }) {
    const { runCopy } = await import("./cp-run.ts");
    await runCopy(args.source, args.destination);
  },
});
