/** `qn up`: creates the VM if needed, starts it, and waits until Docker answers on the host's socket. */
import { command, vmArg, wholeNumber } from "../command.ts";

export const up = command({
  name: "up",
  description: "Start a VM and wait until its Docker answers",
  examples: ["qn up", "qn up web --cpus 4 --memory 4096", "qn up --mount /srv/data:ro"],
  args: {
    vm: vmArg,
    cpus: { type: "string", description: "Virtual processors", valueHint: "N" },
    memory: { type: "string", description: "Memory in MiB", valueHint: "MIB" },
    disk: { type: "string", description: "Size of the data disk in GiB", valueHint: "GIB" },
    arch: { type: "string", description: "The guest's architecture: x86_64 or aarch64", valueHint: "ARCH" },
    accel: { type: "string", description: "How the guest runs: auto, kvm, hvf or tcg", valueHint: "ACCEL" },
    image: { type: "string", description: "The image to start from", valueHint: "NAME" },
    mount: { type: "string", description: "Share this folder too, as PATH or PATH:ro", valueHint: "PATH" },
    timeout: { type: "string", description: "Give the boot this many seconds", valueHint: "SECONDS" },
    foreground: { type: "boolean", description: "Stay until the VM has stopped; a signal stops it" },
    "dry-run": { type: "boolean", description: "Print QEMU's command line and start nothing" },
  },
  async run({ args, rawArgs }) {
    const { runUp } = await import("./up-run.ts");
    await runUp({
      vm: args.vm,
      flags: {
        cpus: wholeNumber("cpus", args.cpus),
        memoryMiB: wholeNumber("memory", args.memory),
        diskGiB: wholeNumber("disk", args.disk),
        arch: args.arch,
        accel: args.accel,
        image: args.image,
      },
      rawArgs,
      timeoutS: wholeNumber("timeout", args.timeout),
      foreground: args.foreground === true,
      dryRun: args["dry-run"] === true,
    });
  },
});
