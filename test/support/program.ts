/** The program that end-to-end tests are about, dist/qn, and how they run it. */
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";

/** The repository's folder. */
export const repository = join(import.meta.dir, "../..");

/** The program, as a build leaves it. */
export const qnProgram = join(repository, "dist/qn");

/** What a program left behind. */
export type Outcome = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** How to run it. Its environment is the test's own with `env` on top; undefined takes a variable away. */
export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
  readonly stdin?: Uint8Array | Blob;
};

/** Runs a program to its end, whatever its exit status. */
export async function runProgram(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...process.env, ...options.env },
    stdin: options.stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/** Runs dist/qn with a QN_HOME, and with contexts of Docker below it: two tests at a time both have a VM `default`. */
export function qn(home: string, words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return runProgram([qnProgram, ...words], {
    ...options,
    env: { QN_HOME: home, DOCKER_CONFIG: join(home, "_docker"), ...options.env },
  });
}

/** Docker's command, which the machine has or scripts/test has fetched. Throws when it is not there. */
export function dockerProgram(): string {
  const path = Bun.which("docker", { PATH: `${process.env["PATH"]}:${join(repository, "dist/tools")}` });
  if (path === null) throw new Error("docker is missing: scripts/test has it.");
  return path;
}

/** Makes `folder` with copies of programs, by the names that they get there. */
export async function copyPrograms(folder: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder);
  for (const [name, from] of Object.entries(programs)) {
    await copyFile(from, join(folder, name));
    await chmod(join(folder, name), 0o755);
  }
}
