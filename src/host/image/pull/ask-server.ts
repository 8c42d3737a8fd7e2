/** Asks a server for one file of a release, and follows where it may send on. */
import { isDiskError, messageOf, QnError } from "../../../base/errors.ts";
import { type Answer, type Asking, askFor } from "../../../system/download.ts";
import { redirectsMax, sentOn } from "./addresses.ts";

/** A failure that a later try may mend: a broken connection, a server that is busy. */
export class PassingFailure extends Error {}

/**
 * The answer to a request, behind at most five redirects. Throws IMAGE_PULL_FAILED where it may not follow or cannot
 * trust the server's certificate, INTERRUPTED, and PassingFailure when nobody answers.
 */
export async function request(url: string, asking: Asking): Promise<Answer> {
  let address = url;
  for (let redirects = 0; redirects <= redirectsMax; redirects += 1) {
    const answer = await ask(address, asking);
    if (![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    answer[Symbol.dispose]();
    address = sentOn(address, answer.header("location") ?? "");
  }
  throw new QnError("IMAGE_PULL_FAILED", `${url} sends on and on.`);
}

/** The text of a small file. Throws as `request`, and IMAGE_PULL_FAILED when there is none or it is too long. */
export async function requestText(url: string, bytesMax: number, asking: Asking): Promise<Uint8Array> {
  using answer = await request(url, asking);
  const { status } = answer;
  if (status === 429 || status >= 500) throw new PassingFailure(`${url} answers with status ${status}`);
  if (status !== 200) throw new QnError("IMAGE_PULL_FAILED", `${url} answers with status ${status}.`, noRelease);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer.body()) {
      bytes += chunk.length;
      if (bytes > bytesMax)
        throw new QnError("IMAGE_PULL_FAILED", `${url} has more than ${bytesMax} bytes.`, noRelease);
      chunks.push(chunk);
    }
  } catch (error) {
    throw failureOf(error, url, asking.signal);
  }
  return Buffer.concat(chunks);
}

/** What a failure on the way is: called off, for ever, or for now. */
export function failureOf(error: unknown, url: string, signal: AbortSignal): Error {
  if (signal.aborted) return calledOff();
  if (error instanceof QnError || error instanceof PassingFailure) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  // What is written on the way is in the same loop as what comes, and no other try mends this machine's disk.
  if (cause instanceof Error && isDiskError(cause)) return cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (!/CERT|SIGNATURE|_TLS_/.test(code)) return new PassingFailure(`${url}: ${messageOf(cause)}`, { cause });
  return new QnError("IMAGE_PULL_FAILED", `${url} has a certificate that is not trusted: ${messageOf(cause)}.`, {
    cause,
    hint: "A certificate authority of your own stands in a PEM file that NODE_EXTRA_CA_CERTS or SSL_CERT_FILE names.",
  });
}

/** The error of a pull that was called off. */
export function calledOff(): QnError {
  return new QnError("INTERRUPTED", "The image is not fetched whole.", {
    hint: "Try again: what has been fetched is kept, and it goes on from there.",
  });
}

// --- internal ---

const noRelease = { hint: "imageUrl in the settings, or QN_IMAGE_URL, names where releases are." };

async function ask(url: string, asking: Asking): Promise<Answer> {
  try {
    return await askFor(url, asking);
  } catch (error) {
    throw failureOf(error, url, asking.signal);
  }
}
