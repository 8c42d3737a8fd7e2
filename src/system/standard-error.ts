/** The door to standard error: a person's terminal, a program's pipe, a log, a guest's journal. */
import { lazily } from "../base/lazily.ts";

/**
 * Says it there. Words that nobody takes are lost, be the log's disk full or its reader gone: without somebody who
 * hears of that, Node's stream ends the process, and with it the VM's ports and its Docker.
 */
export function sayAsError(text: string): void {
  stream().write(text);
}

// --- internal ---

const stream = lazily(() => process.stderr.on("error", () => {}));
