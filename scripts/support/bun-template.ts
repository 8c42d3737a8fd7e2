/** The Bun of another system, which `bun build --compile` puts the program into: fetched from npm, checked by bun.lock. */
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../package.json";
import { succeed } from "./succeed.ts";

/** Systems that qn is built for, as Node names them (`process.platform`-`process.arch`). */
export const targets = {
  "linux-x64": { bunTarget: "bun-linux-x64", package: "@oven/bun-linux-x64", machO: undefined },
  "linux-arm64": { bunTarget: "bun-linux-arm64", package: "@oven/bun-linux-aarch64", machO: undefined },
  "darwin-x64": { bunTarget: "bun-darwin-x64", package: "@oven/bun-darwin-x64", machO: "x64" },
  "darwin-arm64": { bunTarget: "bun-darwin-arm64", package: "@oven/bun-darwin-aarch64", machO: "arm64" },
} as const;

export type Target = keyof typeof targets;

/** The target that this machine is. */
export function hostTarget(): string {
  return `${process.platform}-${process.arch}`;
}

/** True for a system that qn is built for. */
export function isTarget(name: string): name is Target {
  return Object.hasOwn(targets, name);
}

/**
 * The path of Bun's own program for `target`: the one that runs this script, or else one from npm in `dist/tools`.
 * Throws when what npm delivers is not what bun.lock says.
 */
export async function bunTemplate(target: Target, root: string): Promise<string> {
  if (target === hostTarget()) return process.execPath;
  const version = manifest.devDependencies.bun;
  const name = `bun-${target}-${version}`;
  const tools = join(root, "dist", "tools");
  const program = join(tools, name);
  if (await Bun.file(program).exists()) return program;
  const scratch = join(tools, `.${name}.${process.pid}`);
  await mkdir(scratch, { recursive: true });
  try {
    const unpacked = await fetchPackage(`${targets[target].package}@${version}`, root, scratch);
    await chmod(join(unpacked, "bin", "bun"), 0o755);
    await rename(join(unpacked, "bin", "bun"), program);
    return program;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

// --- internal ---

async function fetchPackage(spec: string, root: string, scratch: string): Promise<string> {
  await succeed(["npm", "pack", "--silent", "--pack-destination", scratch, spec]);
  const [archive = ""] = [...new Bun.Glob("*.tgz").scanSync(scratch)];
  const content = await Bun.file(join(scratch, archive)).bytes();
  const integrity = `sha512-${new Bun.CryptoHasher("sha512").update(content).digest("base64")}`;
  const locked = (await Bun.file(join(root, "bun.lock")).text()).split("\n").find((line) => line.includes(`"${spec}"`));
  if (locked?.includes(`"${integrity}"`) !== true) {
    throw new Error(`npm delivered ${spec} with ${integrity}, which is not what bun.lock has.`);
  }
  await succeed(["tar", "-xzf", join(scratch, archive), "-C", scratch]);
  return join(scratch, "package");
}
