/** `qn agent provision`: runs the commands of the user's settings in the guest as root, one after the other. */
import { createHash } from "node:crypto";
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Boot, ProvisionStep } from "../../../protocol/messages.ts";
import { isThere } from "../../../system/files.ts";
import { outputOf, provisionFolder, writeSteps } from "./steps.ts";

/** Where it is kept which commands have run on this system disk: thrown away with it. */
const marksFolder = "/var/lib/qn-provision";

/** How much of a step's last line the host is told. */
const lastCharsMax = 300;

/** Lets the provisioning unit run when there is anything to run. */
export async function offerProvision({ provision = [] }: Boot, folder = provisionFolder): Promise<void> {
  if (provision.length > 0) await mkdir(folder, { recursive: true, mode: 0o700 });
}

/**
 * Runs every step that is due. One that fails is told of and does not keep the others from running. A step is a file in
 * `folder`, so that nothing of it is on a command line; what it says is beside it.
 */
export async function provision(
  { provision: wanted = [], vm, user }: Boot,
  { folder = provisionFolder, marks = marksFolder }: { readonly folder?: string; readonly marks?: string } = {},
): Promise<void> {
  const steps: ProvisionStep[] = wanted.map(() => ({ state: "waiting" }));
  await mkdir(marks, { recursive: true, mode: 0o700 });
  for (const [index, { run, when }] of wanted.entries()) {
    const mark = join(marks, createHash("sha256").update(run).digest("hex"));
    if (when === "once" && (await isThere(mark))) {
      steps[index] = { state: "skipped" };
      continue;
    }
    steps[index] = { state: "running" };
    await writeSteps(folder, steps);
    const env = { ...process.env, HOME: "/root", QN_VM: vm, QN_USER: user.name };
    const status = await runStep(join(folder, `${index + 1}`), run, outputOf(folder, index), env);
    const last = await lastLine(outputOf(folder, index));
    steps[index] = { state: status === 0 ? "done" : "failed", status, ...(last !== undefined && { last }) };
    if (status === 0 && when === "once") await writeFile(mark, "");
  }
  await writeSteps(folder, steps);
}

// --- internal ---

/** Runs a script to its end; its exit status, or 128 and the signal's number as shells have it. */
async function runStep(path: string, text: string, output: string, env: Record<string, string | undefined>) {
  await writeFile(path, text.startsWith("#!") ? text : `#!/bin/sh -e\n${text}\n`, { mode: 0o700 });
  const log = await open(output, "a", 0o600);
  try {
    const child = Bun.spawn([path], { cwd: "/", env, stdin: "ignore", stdout: log.fd, stderr: log.fd });
    await child.exited;
    return child.exitCode ?? 128;
  } catch (error) {
    await log.writeFile(`${String(error)}\n`);
    // What a shell says of a program that cannot be run.
    return 126;
  } finally {
    await log.close();
  }
}

async function lastLine(path: string): Promise<string | undefined> {
  const text = await Bun.file(path).text();
  const lines = stripVTControlCharacters(text.slice(-4096)).split(/[\r\n]+/);
  return lines
    .map((line) => line.trim())
    .findLast((line) => line !== "")
    ?.slice(0, lastCharsMax);
}
