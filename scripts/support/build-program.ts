/** Compiles src/main.ts into one file with Bun inside, and says what of npm's packages is in it. */
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BunPlugin } from "bun";
import { bunTemplate, type Target, targets } from "./bun-template.ts";
import { finishMachO } from "./mach-o/finish.ts";

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

/**
 * What is bundled, and how. Nothing is minified, so that a stack trace in a bug report can be read; it would save 1 % of
 * the size. Bun writes paths as they are seen from the current folder, which becomes `root`.
 */
function bundle(root: string) {
  process.chdir(root);
  return {
    entrypoints: [join(root, "src/main.ts")],
    target: "bun" as const,
    format: "esm" as const,
    splitting: true,
    plugins: [withoutUnusedLibraries],
  };
}

/** A program to be made at `path`. `commit` is for a release: the program then says that it is one (src/cli/version.ts). */
export type ProgramParts = {
  readonly root: string;
  readonly target: Target;
  readonly path: string;
  readonly commit?: string;
};

/**
 * Makes the program. ES modules with bytecode and splitting start fastest: `--version` took 5 ms, against 10 without
 * splitting and 40 without bytecode; what a command loads lazily is then neither read nor linked by the others. Throws
 * when a program for a Mac is not one that macOS runs.
 */
export async function buildProgram({ root, target, path, commit }: ProgramParts): Promise<void> {
  // The file's name becomes a part of its content: a folder of its own lets it be the same each time.
  const scratch = join(dirname(path), `.build.${process.pid}`);
  const built = join(scratch, "qn");
  try {
    await mkdir(scratch, { recursive: true });
    await Bun.build({
      ...bundle(root),
      bytecode: true,
      define: {
        // dockerode would look for a file beside its source; the path of this checkout is nobody's business.
        __dirname: '"/"',
        ...(commit !== undefined && { QN_RELEASE_COMMIT: JSON.stringify(commit) }),
      },
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
    await rename(built, path);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The files that have left something in the program, as paths below `root`; the same ones for every target. */
export async function bundledFiles(root: string): Promise<readonly string[]> {
  const { metafile } = await Bun.build({ ...bundle(root), metafile: true });
  const inputs = Object.values(metafile?.outputs ?? {}).flatMap((output) => Object.entries(output.inputs));
  return [...new Set(inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path))].toSorted();
}
