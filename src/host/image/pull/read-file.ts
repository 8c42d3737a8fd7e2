/** Reads a small file of a release, from a folder or a server. */
import { readFile, stat } from "node:fs/promises";
import { messageOf, QnError } from "../../../base/errors.ts";
import { addressOf, type ReleaseSource } from "./addresses.ts";
import { requestText } from "./ask-server.ts";
import { type Limits, patiently } from "./patience.ts";

/** The content of the file `name`. Throws IMAGE_PULL_FAILED where there is none or it is longer, and INTERRUPTED. */
export async function readReleaseFile(
  source: ReleaseSource,
  name: string,
  bytesMax: number,
  { limits, signal }: { readonly limits: Limits; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const address = addressOf(source, name);
  if (source.kind === "folder") return await readLocal(address, bytesMax);
  return await patiently(limits, signal, () => requestText(address, bytesMax, { silenceMs: limits.silenceMs, signal }));
}

// --- internal ---

async function readLocal(path: string, bytesMax: number): Promise<Uint8Array> {
  try {
    const facts = await stat(path);
    if (facts.isFile() && facts.size <= bytesMax) return await readFile(path);
  } catch (cause) {
    throw new QnError("IMAGE_PULL_FAILED", `${path} cannot be read: ${messageOf(cause)}.`, {
      cause,
      hint: "imageUrl in the settings, or QN_IMAGE_URL, names where releases are.",
    });
  }
  throw new QnError("IMAGE_PULL_FAILED", `${path} is no file of at most ${bytesMax} bytes.`);
}
