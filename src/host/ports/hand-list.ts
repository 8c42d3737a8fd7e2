/** Keeps the forwards that were made by hand beside their VM, so that they are there again at its next start. */
import { QnError } from "../../base/errors.ts";
import { readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import { type HandForward, parseForwards } from "./by-hand.ts";

/** The VM's forwards by hand; none when there is no file. Throws CONFIG_INVALID when it is not one of qn's. */
export async function readForwards(path: string): Promise<readonly HandForward[]> {
  const text = await readTextIfThere(path);
  try {
    return text === undefined ? [] : parseForwards(text);
  } catch (cause) {
    throw new QnError("CONFIG_INVALID", `${path} is not a list of forwards.`, { cause, hint: "Remove the file." });
  }
}

/** Writes the VM's forwards by hand. */
export async function writeForwards(path: string, forwards: readonly HandForward[]): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(forwards, undefined, 2)}\n`);
}
