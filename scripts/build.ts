/** Builds qn as one file, Bun inside: `dist/qn` for this machine, `dist/qn-<target>` for another one. */
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { Glob } from "bun";
import manifest from "../package.json";
import { readTextIfThere, writeFileAtomically } from "../src/system/files.ts";
import { buildProgram } from "./support/build-program.ts";
import { hostTarget, isTarget, targets, type Target } from "./support/bun-template.ts";

const root = join(import.meta.dir, "..");

/** What the binary is made from. The same inputs give the same binary, so that it is not built twice. */
const inputGlobs = [
  "src/**/*",
  "guest/**/*",
  "package.json",
  "bun.lock",
  "scripts/build.ts",
  "scripts/support/build-program.ts",
  "scripts/support/bun-template.ts",
  "scripts/support/mach-o/*",
];

const { values } = parseArgs({ options: { target: { type: "string" }, force: { type: "boolean", default: false } } });
await main(values.target, values.force);

// --- internal ---

async function main(targetName: string | undefined, force: boolean): Promise<void> {
  const target = targetName ?? hostTarget();
  if (!isTarget(target)) {
    console.error(`There is no build for "${target}". There is one for: ${Object.keys(targets).join(", ")}.`);
    process.exit(1);
  }
  const program = join(root, "dist", targetName === undefined ? "qn" : `qn-${target}`);
  const record = join(root, "dist", ".build-inputs", basename(program));
  const inputs = await inputsOf(target);
  if (!force && (await Bun.file(program).exists()) && (await readTextIfThere(record)) === inputs) {
    console.log(`dist/${basename(program)} is up to date`);
    return;
  }
  const startedMs = performance.now();
  await buildProgram({ root, target, path: program });
  await mkdir(join(root, "dist", ".build-inputs"), { recursive: true });
  await writeFileAtomically(record, inputs, 0o644);
  const megabytes = (Bun.file(program).size / 1e6).toFixed(0);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`dist/${basename(program)} ${manifest.version} for ${target}: ${megabytes} MB in ${seconds} s`);
}

async function inputsOf(target: Target): Promise<string> {
  const paths = new Set<string>();
  for (const pattern of inputGlobs) {
    for await (const path of new Glob(pattern).scan({ cwd: root, dot: true })) paths.add(path);
  }
  const hash = new Bun.CryptoHasher("sha256").update(`${target} ${Bun.version}\n`);
  for (const path of [...paths].toSorted()) {
    const content = await Bun.file(join(root, path)).bytes();
    hash.update(`${path} ${content.byteLength}\n`).update(content);
  }
  return `${hash.digest("hex")}\n`;
}
