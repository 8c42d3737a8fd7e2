/** The manual pages and completions of a program, which it prints itself. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../../system/process.ts";
import { completionFiles, pagesFolder } from "./files.ts";

/**
 * Lets the program print them into `folder`, where they are as in an archive, and gives that back; what was in it is
 * gone. Throws when the program does not.
 */
export async function printFiles(program: string, folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await printed([program, "man", "--to", join(folder, pagesFolder)]);
  for (const [shell, path] of Object.entries(completionFiles)) {
    const place = join(folder, path);
    const text = await printed([program, "completion", shell]);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, text);
  }
  return folder;
}

// --- internal ---

/** How long a program may take to print them. */
const printMs = 60_000;

async function printed(command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, { deadlineMs: printMs });
  if (exitCode === 0) return stdout;
  throw new Error(`\`${command.join(" ")}\` ends with ${exitCode}: ${stderr.trim().slice(-300)}`);
}
