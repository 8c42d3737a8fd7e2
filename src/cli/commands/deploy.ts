/** `qn deploy`: brings a NixOS system into a running guest, and rolls back when the health check fails. */
import { QnError } from "../../base/errors.ts";
import { duration } from "../../base/words.ts";
import { bringSystem, type Builder, builders } from "../../host/nixos/deploy/build.ts";
import { type DeployGuest, openGuest } from "../../host/nixos/deploy/guest-script.ts";
import { switchSystem } from "../../host/nixos/deploy/switch.ts";
import { isTarget, parseTarget } from "../../host/nixos/deploy/target.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { defineCommand, wholeNumber } from "../command.ts";
import { say, showPhase, succeed } from "../terminal/show.ts";
import { interruption } from "../terminal/signals.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn deploy web ~/machines#web --build host", "qn deploy --rollback"],
  words: true,
  args: {
    build: { type: "string", default: "guest", description: "Where it is built: guest or host", valueHint: "WHERE" },
    boot: { type: "boolean", description: "Only at the guest's next start" },
    rollback: { type: "boolean", description: "To the generation before" },
    "dry-run": { type: "boolean", description: "Build it and show what would change" },
    timeout: { type: "string", description: "Give agent and Docker this many seconds to be well", valueHint: "S" },
  },
  async run({ args }) {
    await deploy({
      words: args._,
      builder: args.build,
      isBoot: args.boot === true,
      isRollback: args.rollback === true,
      isDryRun: args["dry-run"] === true,
      timeout: args.timeout,
    });
  },
});

// --- internal ---

/** What `qn deploy` was asked for. */
type DeployRequest = {
  readonly words: readonly string[];
  readonly builder: string;
  readonly isBoot: boolean;
  readonly isRollback: boolean;
  readonly isDryRun: boolean;
  readonly timeout: string | undefined;
};

/** The timeout of the health check: in an emulated guest Docker alone starts in a minute. */
const usualDeadlineS = 300;

/**
 * Builds, shows the difference, switches, and says which system runs. Throws USAGE, NO_SUCH_VM, NOT_RUNNING,
 * DEPLOY_FAILED and DEPLOY_ROLLED_BACK.
 */
async function deploy(request: DeployRequest): Promise<void> {
  const startedAtMs = Date.now();
  const { vm, word } = meantBy(request);
  const deadlineS = wholeNumber("timeout", request.timeout) ?? usualDeadlineS;
  const builder = builderNamed(request.builder);
  const target = word === undefined ? undefined : parseTarget(word, process.cwd());
  const { paths } = vmNamed(vm);
  const { state } = await statusOfVm(paths, process.env);
  if (!["running", "asleep", "paused"].includes(state))
    throw new QnError("NOT_RUNNING", `The VM "${paths.name}" is ${state}.`);
  const phase = (text: string): void => showPhase(text, Date.now() - startedAtMs);

  using interrupted = interruption();
  const { signal } = interrupted;
  const guest = await openGuest(paths);
  if (target !== undefined) phase(`bringing the system into the guest (built in the ${builder})`);
  const system =
    target === undefined
      ? await previousSystem(guest)
      : { path: await bringSystem({ paths, guest, target, builder, signal, onLine: (line) => say(`  ${line}`) }) };
  const differences = await guest.call(["differences", system.path], system.path);
  for (const line of differences.split("\n").filter(Boolean)) say(`  ${line}`);
  if (request.isDryRun) {
    say(await guest.call(["try", system.path], system.path));
    return succeed(`${system.path} is in the guest of VM "${paths.name}"; it was not switched to.`);
  }
  if (request.isBoot) {
    await guest.call(["boot", system.path, `${generationOf(system)}`], system.path);
    return succeed(`VM "${paths.name}" has ${system.path} from its next start on: qn restart ${paths.name}`);
  }
  await switchSystem({
    paths,
    env: process.env,
    guest,
    system,
    deadlineS,
    signal,
    onPhase: (each) => phase(phaseWords[each]),
  });
  succeed(`VM "${paths.name}" runs ${system.path} after ${duration(Date.now() - startedAtMs)}.`);
}

/** What each phase is for, in a person's words. */
const phaseWords = {
  switch: "switching",
  health: "waiting for the agent and Docker",
  rollback: "going back to the old system",
} as const;

type System = { readonly path: string; readonly generation?: number | undefined };

const generationOf = ({ generation }: System): number => generation ?? 0;

/** The VM that is meant, and what is to be deployed. */
function meantBy({ words, isRollback }: DeployRequest): { readonly vm: string; readonly word: string | undefined } {
  const targets = words.filter(isTarget);
  const [vm = "default", ...more] = words.filter((word) => !isTarget(word));
  const [word] = targets;
  const hint = { hint: "Write it as in `qn deploy web .#guest`, or `qn deploy web --rollback`." };
  if (more.length > 0 || targets.length > 1) throw new QnError("USAGE", "There is one argument too many.", hint);
  if (isRollback && word !== undefined) {
    throw new QnError("USAGE", `--rollback goes to the generation before, not to ${word}.`, hint);
  }
  if (!isRollback && word === undefined) throw new QnError("USAGE", "There is nothing to deploy.", hint);
  return { vm, word };
}

function builderNamed(name: string): Builder {
  const builder = builders.find((known) => known === name);
  if (builder === undefined) throw new QnError("USAGE", `--build is "${name}"; it is one of ${builders.join(", ")}.`);
  return builder;
}

async function previousSystem(guest: DeployGuest): Promise<System> {
  const [number = "", path = ""] = (await guest.call(["previous"], "The system before")).split(" ");
  return { path, generation: Number(number) };
}
