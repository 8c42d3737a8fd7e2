/** `qn run`: one command with a Docker of its own, which is gone with it. */
import { messageOf, QnError } from "../../base/errors.ts";
import { startThrowaway } from "../../host/throwaway/run.ts";
import { amount, defineCommand, wholeNumber, wordsBeforeDashes, wordsBehindDashes } from "../command.ts";
import { runningCommand } from "../self.ts";
import { runForeground } from "../terminal/foreground.ts";
import { pullShown } from "../terminal/pull-shown.ts";
import { say, showPhase, warn } from "../terminal/show.ts";
import { interruption } from "../terminal/signals.ts";
import { showEvent } from "../terminal/start-events.ts";
import { version } from "../version.ts";
import { qnHome } from "../vm-here.ts";
import { mountsIn, settingsOf } from "./up.ts";

export const command = defineCommand({
  examples: [
    "qn run -- docker compose run --rm tests",
    "qn run --mount .:ro -- ./test.sh",
    "qn run --from web --memory 2G -- docker compose up",
  ],
  args: {
    from: { type: "string", description: "Begin with a copy of this VM's disks", valueHint: "VM" },
    mount: { type: "string", description: "Mount this folder; PATH:ro for reading only", valueHint: "PATH" },
    network: {
      type: "string",
      description: "Reach all that this machine does (all), or nothing (none)",
      valueHint: "REACH",
    },
    cpus: { type: "string", description: "Virtual processors", valueHint: "N" },
    memory: { type: "string", alias: "m", description: "Memory, such as 8G; a bare number is MiB", valueHint: "SIZE" },
  },
  passthrough: true,
  async run({ args, rawArgs }) {
    const words = wordsBehindDashes(rawArgs) ?? [];
    refuseUnknown(words);
    const startedAtMs = Date.now();
    const flags = settingsOf({
      cpus: wholeNumber("cpus", args.cpus),
      memoryMiB: amount("--memory", "MiB", args.memory),
    });
    using pull = pullShown((text) => showPhase(text, Date.now() - startedAtMs));
    let isMaking = false;
    const vm = await calledOff((signal) =>
      startThrowaway({
        layout: qnHome(),
        env: process.env,
        version,
        self: runningCommand(),
        flags,
        from: args.from,
        reached: {
          mounts: mountsIn(wordsBeforeDashes(rawArgs), process.cwd()),
          network: Object.fromEntries(args.network === undefined ? [] : [["reach", args.network]]),
        },
        signal,
        pull,
        onMake(why) {
          isMaking = true;
          say(
            why === undefined
              ? "A template is made, once: it takes as long as a start."
              : `The template is made anew: ${why}.`,
          );
        },
        // Once there is one, nothing is said but what the command says, and what goes wrong.
        onEvent: (event) => void ((isMaking || event.event === "warning") && showEvent(event, startedAtMs)),
      }),
    );
    // Also where the command has ended for that, and is quicker: an end that was asked for is no failure.
    vm.ended.catch((error: unknown) => warn(`The command's Docker is gone. ${messageOf(error)}`));
    let exitCode: number;
    try {
      ({ exitCode } = await runForeground(words, { cwd: process.cwd(), env: environment(vm.dockerSocket) }));
    } finally {
      await vm.end();
    }
    // A client that keeps its end of a stream open must not keep this process.
    // oxlint-disable-next-line unicorn/no-process-exit -- nothing is left to do
    process.exit(exitCode);
  },
});

// --- internal ---

/** Throws USAGE without a command, and TOOL_MISSING for one that there is not: before anything is started for it. */
function refuseUnknown([program]: readonly string[]): void {
  if (program === undefined) throw new QnError("USAGE", "There is no command to run; it follows `--`.");
  if (Bun.which(program, { cwd: process.cwd() }) !== null) return;
  throw new QnError("TOOL_MISSING", `There is no program "${program}" here.`);
}

/** The start, which a signal calls off; later signals are the command's. */
async function calledOff<Result>(start: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  using interrupted = interruption();
  return await start(interrupted.signal);
}

/** The command's variables: those of this process, and of Docker's the one that leads to the VM alone. */
function environment(dockerSocket: string): Readonly<Record<string, string | undefined>> {
  const { DOCKER_CONTEXT: _context, DOCKER_TLS_VERIFY: _tls, DOCKER_CERT_PATH: _certificates, ...others } = process.env;
  return { ...others, DOCKER_HOST: `unix://${dockerSocket}` };
}
