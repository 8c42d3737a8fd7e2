/** Reports the progress of provisioning to the host: how far the commands are, and their output. */
import { readFile } from "node:fs/promises";
import { newQueue } from "../../../base/queue.ts";
import type { ProvisionStep } from "../../../protocol/messages.ts";
import { isThere } from "../../../system/files.ts";
import { watchFile } from "../../../system/watch.ts";
import { outputOf, provisionFolder, readSteps, stepsFile } from "./steps.ts";

/** Who hears of it. */
export type ProvisionListener = {
  readonly onSteps: (steps: readonly ProvisionStep[]) => void;
  /** The output of a step that has ended, line by line. */
  readonly onLine: (line: string) => void;
};

/** Tells of each change until closed; nothing when there is nothing to run. */
export async function watchProvision(
  { onSteps, onLine }: ProvisionListener,
  folder = provisionFolder,
): Promise<{ close(): void }> {
  if (!(await isThere(folder))) return { close: () => {} };
  const told = new Set<number>();
  const inTurn = newQueue();
  const look = async (): Promise<void> => {
    const steps = await readSteps(folder);
    for (const [index, { state }] of steps.entries()) {
      if ((state !== "done" && state !== "failed") || told.has(index)) continue;
      told.add(index);
      const text = await readFile(outputOf(folder, index), "utf8").catch(() => "");
      for (const line of text.split("\n")) if (line.trim() !== "") onLine(`provision ${index + 1}: ${line}`);
    }
    if (steps.length > 0) onSteps(steps);
  };
  const watcher = watchFile(folder, stepsFile, () => void inTurn(look));
  void inTurn(look);
  return { close: () => watcher.close() };
}
