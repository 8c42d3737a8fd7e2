/**
 * What is known of the commands that the settings run in the guest: kept in /run, told to the host by another service.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { type ProvisionStep, provisionStepsSchema } from "../../../protocol/messages.ts";
import { writeFileAtomically } from "../../../system/files.ts";

/** The folder that is there when there is anything to run (guest/units/qn-provision.service). For root only. */
export const provisionFolder = "/run/qn/provision";

/** The name of the state's file, which is replaced whenever a step begins or ends. */
export const stepsFile = "steps.json";

/** Where a step's whole output is. */
export function outputOf(folder: string, index: number): string {
  return join(folder, `${index + 1}.log`);
}

/** Says how far the steps are. */
export async function writeSteps(folder: string, steps: readonly ProvisionStep[]): Promise<void> {
  await writeFileAtomically(join(folder, stepsFile), JSON.stringify(steps));
}

/** How far the steps are; none before the first one has begun. */
export async function readSteps(folder: string): Promise<ProvisionStep[]> {
  try {
    return v.parse(provisionStepsSchema, JSON.parse(await readFile(join(folder, stepsFile), "utf8")));
  } catch {
    return [];
  }
}
