/** `qn ports`: which published ports listen on the host, for whom, and what went wrong. */
import { command, jsonArg, vmArg } from "./command.ts";

export const ports = command({
  name: "ports",
  description: "Show the forwarded ports",
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const [{ statusOfVm }, { vmHere }] = await Promise.all([
      import("../host/lifecycle/status.ts"),
      import("./place.ts"),
    ]);
    const { paths } = vmHere(args.vm);
    const { ports: forwards } = await statusOfVm(paths, process.env);
    if (args.json === true) return void process.stdout.write(`${JSON.stringify(forwards, undefined, 2)}\n`);
    const [{ printTable, say }, { byteSize }] = await Promise.all([import("./show.ts"), import("../base/words.ts")]);
    if (forwards.length === 0) return say(`VM "${paths.name}" has no forwards.`);
    printTable(
      ["PROTO", "ADDRESS", "PORT", "CONTAINER", "STATE", "OPEN", "BYTES", "LAST ERROR"],
      forwards.map((forward) => [
        forward.protocol,
        forward.hostIp,
        `${forward.hostPort}`,
        forward.container,
        forward.state,
        `${forward.connections}`,
        byteSize(forward.bytes),
        forward.error ?? "",
      ]),
    );
  },
});
