/** The errors of a copy: the reasons of either side, and what tar and ssh say, as sentences. */
import { QnError } from "../../base/errors.ts";
import type { Operand } from "./operand.ts";
import { type Reason, reasonPrefix, reasons } from "./guest-scripts.ts";

/** A place for a message: `"/etc/x" in the VM "default"`. */
function operandWords(operand: Operand): string {
  return operand.at === "host" ? `"${operand.path}"` : `"${operand.path}" in the VM "${operand.vm}"`;
}

/** The error for a reason that one side found. */
export function refusal(reason: Reason, from: Operand, to: Operand, details: readonly string[] = []): QnError {
  const words: Record<Reason, string> = {
    "no-source": `There is no file or folder ${operandWords(from)}.`,
    special: `${operandWords(from)} is neither a file nor a folder.`,
    "no-parent": `${operandWords(to)} lies in a folder that is not there.`,
    "not-a-folder": `${operandWords(to)} is no folder.`,
    "is-a-folder": `${operandWords(to)} is a folder, and a file does not take its place.`,
    "not-writable": `Nothing can be written at ${operandWords(to)}.`,
    incomplete: `The copy to ${operandWords(to)} broke off before its end.`,
    "no-name": `${operandWords(from)} ends in no name that it could have in ${operandWords(to)}: say DST/NAME, or SRC/. for what it holds.`,
    unannounced: `Nothing of ${operandWords(from)} was copied to ${operandWords(to)}: the VM has sent something else than it had announced.`,
  };
  return failure(words[reason], details);
}

/** The error for what programs have said on their standard errors: a full disk first, by its path. */
export function complaint(said: readonly string[], from: Operand, to: Operand, isComplete: boolean): QnError {
  if (said.some((line) => fullDisk.test(line))) {
    return failure(`There is no space left at ${operandWords(to)}.`, said);
  }
  const what = isComplete ? "Not all of" : "Nothing of";
  return failure(`${what} ${operandWords(from)} was copied to ${operandWords(to)}.`, said);
}

/** The reason in what a script has said, if it gave one, and everything else that was said. */
export function readReason(text: string): { readonly reason: Reason | undefined; readonly said: readonly string[] } {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const given = lines.find((line) => line.startsWith(reasonPrefix))?.slice(reasonPrefix.length);
  return {
    reason: reasons.find((each) => each === given),
    // The folder aside is qn's own; the place is what a person knows.
    said: lines.filter((line) => !line.startsWith(reasonPrefix)).map((line) => line.replaceAll(aside, "/")),
  };
}

// --- internal ---

/** The system's words, and GNU tar's for a disk that took a part of what it was given. */
const fullDisk = /No space left on device|Disk quota exceeded|Wrote only \d+ of \d+ bytes/i;

const aside = /\/\.qn-cp\.\w+\/(\.\/)?/g;

function failure(message: string, details: readonly string[]): QnError {
  // A folder of a thousand unreadable files is told by the first ones.
  const shown = details.length <= 20 ? details : [...details.slice(0, 20), `… and ${details.length - 20} more`];
  return new QnError("COPY_FAILED", message, { details: shown });
}
