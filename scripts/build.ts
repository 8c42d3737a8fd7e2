/** Builds qn as one file, Bun inside: `dist/qn` for this machine, `dist/qn-<target>` for another one. */
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { Glob, type BunPlugin } from "bun";
import manifest from "../package.json";
import { readTextIfThere, writeFileAtomically } from "../src/system/files.ts";
import { bunTemplate, hostTarget, isTarget, targets, type Target } from "./support/bun-template.ts";
import { finishMachO } from "./support/mach-o/finish.ts";

const root = join(import.meta.dir, "..");

/** What the binary is made from. The same inputs give the same binary, so that it is not built twice. */
const inputGlobs = [
  "src/**/*",
  "guest/**/*",
  "package.json",
  "bun.lock",
  "scripts/build.ts",
  "scripts/support/bun-template.ts",
  "scripts/support/mach-o/*",
];

/**
 * Libraries that dockerode loads at once and qn never uses: ssh2 is for Docker hosts behind ssh, gRPC and protobuf for
 * BuildKit sessions (which read .proto files from beside their source, so they cannot work in one file anyway). What
 * they cost: docs/decisions.md#d111.
 */
const unusedLibraries = /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/;

const withoutUnusedLibraries: BunPlugin = {
  name: "without-unused-libraries",
  setup(build) {
    build.onResolve({ filter: unusedLibraries }, ({ path }) => ({ path, namespace: "unused" }));
    build.onLoad({ filter: /./, namespace: "unused" }, () => ({ contents: "module.exports = {};", loader: "js" }));
  },
};

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
  await build(target, program);
  await mkdir(join(root, "dist", ".build-inputs"), { recursive: true });
  await writeFileAtomically(record, inputs, 0o644);
  const megabytes = (Bun.file(program).size / 1e6).toFixed(0);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`dist/${basename(program)} ${manifest.version} for ${target}: ${megabytes} MB in ${seconds} s`);
}

/**
 * Compiles src/main.ts. ES modules with bytecode and splitting start fastest: `--version` took 5 ms, against 10 without
 * splitting and 40 without bytecode; what a command loads lazily is then neither read nor linked by the others.
 * Nothing is minified, so that a stack trace in a bug report can be read; it would save 1 % of the size.
 */
async function build(target: Target, program: string): Promise<void> {
  // The file's name becomes a part of its content: a folder of its own lets it be the same each time.
  const scratch = join(root, "dist", `.build.${process.pid}`);
  const built = join(scratch, "qn");
  try {
    await mkdir(scratch, { recursive: true });
    await Bun.build({
      entrypoints: [join(root, "src/main.ts")],
      target: "bun",
      format: "esm",
      bytecode: true,
      splitting: true,
      plugins: [withoutUnusedLibraries],
      compile: {
        target: targets[target].bunTarget,
        executablePath: await bunTemplate(target, root),
        outfile: built,
        // Otherwise the binary runs what `.env` and `bunfig.toml` in the *current folder* tell it to.
        autoloadDotenv: false,
        autoloadBunfig: false,
      },
    });
    const { machO } = targets[target];
    if (machO !== undefined) await finishMachO(built, machO);
    // A running binary keeps its file; the name gets a new one (writing into it would fail with ETXTBSY).
    await rename(built, program);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
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
