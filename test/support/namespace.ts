/** Runs steps that mount things, in a mount table of their own that goes away with them; for root on Linux only. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Step } from "./namespace-run.ts";

/** Whether this process may have a mount table of its own and bind-mount in it. */
export const mayMount = Bun.spawnSync(["sh", "-c", "exec unshare -m mount --bind /tmp /tmp"]).exitCode === 0;

/** What each step gives back. The steps' mounts never reach this process or its host. */
export async function inNamespace(steps: readonly Step[]): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), "qn-mounts-"));
  try {
    const program = join(import.meta.dir, "namespace-run.ts");
    const child = Bun.spawn(
      ["unshare", "-m", "--propagation", "private", process.execPath, program, JSON.stringify(steps), root],
      { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    return JSON.parse(await child.stdout.text()) as string[];
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
