/**
 * The tests that Docker's clients have of their own, against the guest image's Docker through qn's socket, where nothing is
 * emulated: the image's programs run on this machine's kernel (test/support/native-guest.ts), and a registry with made
 * images is in the place of Docker Hub. For root on Linux:
 *
 *   node_modules/.bin/bun test/clients/run.ts [SUITE]…
 *
 * Needs git, Go, Python and npm with what they fetch, the docker command with compose, and a guest image of this build
 * (`QN_HOME=$PWD/dist/e2e dist/qn image build`). What it has fetched and built stays below dist/clients. Ends with a table
 * of what passed, and with status 1 when something failed that known.ts has no reason for.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { succeed } from "../../scripts/support/succeed.ts";
import { isThere } from "../../src/system/files.ts";
import { run } from "../../src/system/process.ts";
import { nativeVm, runApart } from "../support/native-vm.ts";
import { newFolder } from "../support/folder.ts";
import { repository } from "../support/program.ts";
import { asDockerHub, registry } from "../support/registry.ts";
import { clientImages } from "./images.ts";
import { known } from "./known.ts";
import { type Suite, suites, type Verdict } from "./suites.ts";

/** Much more than any of them takes on a machine that has other things to do. */
const deadlineMs = 45 * 60_000;

const sources = join(repository, "dist/clients");
const [first, ...words] = process.argv.slice(2);

if (first === "inside") process.exitCode = (await tryAll(words)) ? 0 : 1;
else {
  const named = process.argv.slice(2);
  const wanted = named.length === 0 ? Object.keys(suites) : named;
  for (const name of wanted) await prepare(name, suiteOf(name));
  process.exitCode = await runApart(import.meta.path, ["inside", ...wanted]);
}

// --- internal ---

function suiteOf(name: string): Suite {
  const suite = suites[name];
  if (suite === undefined) throw new Error(`There are no tests ${name}: ${Object.keys(suites).join(", ")}.`);
  return suite;
}

function sourceOf({ source }: Suite): string {
  return join(sources, source.repository.replace("/", "-"));
}

/** Fetches a suite's source and what it needs, unless it was done. Throws when the tag is another commit than that of the table. */
async function prepare(name: string, suite: Suite): Promise<void> {
  const { repository, tag, commit } = suite.source;
  const folder = sourceOf(suite);
  const done = join(sources, `${name}.ready`);
  const ready = JSON.stringify([commit, suite.prepare]);
  if ((await isThere(done)) && (await Bun.file(done).text()) === ready) return;
  console.log(`${name}: fetching ${repository} ${tag} and what it needs`);
  await mkdir(sources, { recursive: true });
  if (!(await isThere(folder))) {
    const clone = ["git", "clone", "--quiet", "--depth", "1", "--branch", tag, "-c", "advice.detachedHead=false"];
    await succeed([...clone, `https://github.com/${repository}`, folder]);
  }
  const found = (await succeed(["git", "-C", folder, "rev-parse", "HEAD"])).trim();
  if (found !== commit) throw new Error(`${tag} of ${repository} is ${found}, and not ${commit}.`);
  // env looks for a path from the folder on.
  for (const command of suite.prepare) await succeed(["env", ...command], { cwd: folder });
  await Bun.write(done, ready);
}

/** Runs suites one after the other, each in a VM of its own; false when something failed for no known reason. */
async function tryAll(names: readonly string[]): Promise<boolean> {
  const rows: string[] = [];
  let isGood = true;
  for (const name of names) {
    const beganMs = performance.now();
    const { passed, skipped, failed } = await tried(name, suiteOf(name));
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    const reasons = known[name] ?? {};
    for (const each of failed) console.log(`    failed: ${each}: ${reasons[each] ?? "nobody knows why"}`);
    for (const each of Object.keys(reasons).filter((each) => !failed.includes(each)))
      console.log(`    passed: ${each}`);
    if (passed === 0 || failed.some((each) => reasons[each] === undefined)) isGood = false;
    const { tag } = suiteOf(name).source;
    rows.push(`| ${name} | ${tag} | ${passed} | ${skipped} | ${failed.length} | ${seconds} s |`);
  }
  console.log(
    ["| tests | version | passed | skipped | failed | took |", "|---|---|---|---|---|---|", ...rows].join("\n"),
  );
  return isGood;
}

async function tried(name: string, suite: Suite): Promise<Verdict> {
  const source = sourceOf(suite);
  await using scratch = await newFolder();
  const images = await clientImages(scratch.path, name === "testcontainers" ? source : undefined);
  // Without an emulator the guest reaches no loopback; the network is this program's own.
  await using hub = registry(images, undefined, "0.0.0.0");
  await using vm = await nativeVm({ daemon: JSON.parse(asDockerHub(hub)) });
  for (const image of suite.images) await vm.docker("pull", "--quiet", image);
  const env = { ...process.env, ...vm.env, DOCKER_CONFIG: join(scratch.path, "config"), ...suite.env };
  const cwd = join(source, suite.folder);
  const heard = async (more: readonly string[]): Promise<Verdict> => {
    const { stdout, stderr, signal } = await run(["env", ...suite.command, ...more], { cwd, env, deadlineMs });
    const log = join(sources, `${name}${more.length === 0 ? "" : ".again"}.log`);
    await Bun.write(log, `${stderr}\n${stdout}`);
    console.log(`${name}: all that it said is in ${log}`);
    if (signal !== undefined) throw new Error(`${name} was ended by ${signal}.`);
    return suite.verdict(stdout);
  };
  const verdict = await heard([]);
  const isKnown = (test: string) => known[name]?.[test] !== undefined;
  const odd = verdict.failed.filter((each) => !isKnown(each));
  if (odd.length === 0) return verdict;
  const again = await heard(suite.alone(odd));
  const still = verdict.failed.filter((each) => isKnown(each) || again.failed.includes(each));
  const mended = verdict.failed.filter((each) => !still.includes(each));
  if (again.passed < mended.length) throw new Error(`${name} said nothing of ${mended.join(", ")} when tried again.`);
  for (const each of mended) console.log(`    passed when tried again: ${each}`);
  return { ...verdict, passed: verdict.passed + mended.length, failed: still };
}
