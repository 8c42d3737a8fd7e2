/** Keeps what the agent in the guest says, where `qn logs` looks. */
import { appendFile } from "node:fs/promises";
import { plain } from "../../../base/plain.ts";
import type { VmPaths } from "../../layout.ts";

/** Adds a line to the agent's log; one that cannot be kept goes to the supervisor's. */
export async function keepWords(
  { paths, log }: { readonly paths: Pick<VmPaths, "logs">; readonly log: (text: string) => void },
  text: string,
): Promise<void> {
  try {
    await appendFile(paths.logs.agent, `${new Date().toISOString()} ${plain(text)}\n`, { mode: 0o600 });
  } catch (error) {
    log(`agent: ${text} (not kept: ${String(error)})`);
  }
}
