/** What the host told this guest at boot, read from the credential that systemd hands to qn's services. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { type Boot, bootCredential, parseBoot } from "../../protocol/messages.ts";

/**
 * Reads the boot credential from `$CREDENTIALS_DIRECTORY` (systemd.exec(5), ImportCredential=). Throws AGENT_FAILED
 * when there is none, PROTOCOL when it is not one of ours.
 */
export async function readBoot(folder: string | undefined = process.env["CREDENTIALS_DIRECTORY"]): Promise<Boot> {
  if (folder === undefined) {
    throw new QnError(
      "AGENT_FAILED",
      "CREDENTIALS_DIRECTORY is not set: `qn agent` runs as a systemd service in the guest.",
    );
  }
  const path = join(folder, bootCredential);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new QnError("AGENT_FAILED", `The credential ${path} cannot be read: the host did not boot this guest.`, {
      cause,
    });
  }
  return parseBoot(text);
}
