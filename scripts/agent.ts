/** Puts the agent of this tree into a VM that runs: builds qn for the guest, sends what differs, starts the agent anew. */
import { quoted } from "../src/base/shell.ts";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { vmNamed } from "../src/cli/vm-here.ts";
import { QnError } from "../src/base/errors.ts";
import { type Arch, duration } from "../src/base/words.ts";
import type { VmPaths } from "../src/host/layout.ts";
import { statusOfVm } from "../src/host/lifecycle/status.ts";
import { watchEvents } from "../src/host/lifecycle/watch-events.ts";
import { type Outcome, run } from "../src/system/process.ts";
import { bunTemplate, hostTarget, type Target } from "./support/bun-template.ts";
import { type Kept, keptOf, nothingKept, patchOf } from "./support/patch.ts";
import putAgent from "./support/put-agent.sh" with { type: "text" };
import { succeed } from "./support/succeed.ts";

const root = join(import.meta.dir, "..");

/** What runs in a guest of each architecture. */
const targetOf: Readonly<Record<Arch, Target>> = { x86_64: "linux-x64", aarch64: "linux-arm64" };

/** The exit status of put-agent.sh when the guest's qn has not in it what should be kept. */
const otherBun = 10;

try {
  const { positionals } = parseArgs({ allowPositionals: true });
  await main(positionals[0] ?? "default");
} catch (error) {
  console.error(`scripts/agent: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

// --- internal ---

async function main(name: string): Promise<void> {
  const startedMs = performance.now();
  const { paths } = vmNamed(name);
  const { state, arch } = await statusOfVm(paths, process.env);
  if (state !== "running" && state !== "degraded") {
    throw new QnError("NOT_RUNNING", `The VM "${name}" is ${state}: dist/qn up ${name}`);
  }
  const target = targetOf[arch];
  const template = await Bun.file(await bunTemplate(target, root)).bytes();
  const building = built(target);
  const put = (kept: Kept): Promise<Outcome> =>
    putInto(name, paths, kept, async () => patchOf(template, await building, kept));
  let outcome = await put(keptOf(template));
  if (outcome.exitCode === otherBun) {
    console.log("The guest's qn has another Bun inside: the whole of this one is sent.");
    outcome = await put(nothingKept);
  }
  if (outcome.exitCode !== 0) throw new Error(outcome.stderr.trim() || `ssh ended with ${outcome.exitCode}`);
  const units = outcome.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(" ")[1]);
  // What did not answer before need not do so now.
  if (state === "running") await linked(paths);
  console.log(`${units.join(" and ")} of "${name}" run it, after ${duration(performance.now() - startedMs)}`);
}

/** This tree's qn for guests of an architecture. */
async function built(target: Target): Promise<Uint8Array> {
  const isHosts = target === hostTarget();
  const build = [process.execPath, join(root, "scripts/build.ts"), ...(isHosts ? [] : ["--target", target])];
  console.log((await succeed(build)).trim());
  return await Bun.file(join(root, "dist", isHosts ? "qn" : `qn-${target}`)).bytes();
}

/** Lets the guest copy what it keeps, and sends it the rest as soon as that is there. Throws what `patch` rejects with. */
async function putInto(
  name: string,
  { sshConfig }: VmPaths,
  kept: Kept,
  patch: () => Promise<Uint8Array>,
): Promise<Outcome> {
  const words = ["sh", "-c", putAgent, "put-agent", ...[kept.keep, kept.head, kept.edge].map(String), kept.hash];
  const command = ["ssh", "-F", sshConfig, "-o", "BatchMode=yes", `root@qn-${name}`, words.map(quoted).join(" ")];
  const packed = patch().then((bytes) => gzipSync(bytes));
  const stdin = new ReadableStream<Uint8Array>({
    async start(to) {
      to.enqueue(await packed);
      to.close();
    },
  });
  const [outcome] = await Promise.all([run(command, { stdin }), packed]);
  return outcome;
}

/** Resolves when the supervisor has found the new agent, and Docker behind it. */
async function linked(paths: VmPaths): Promise<void> {
  const found = new AbortController();
  await watchEvents(paths, "events", found.signal, (event) => {
    if (event.event === "state" && event.state === "running") found.abort();
  });
}
