/** Who has signed a release: what a signature is about, and whether one of them is by a key that is trusted. */
import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { QnError } from "../../../base/errors.ts";

/** What is signed begins with what it is, so that a signature under anything else of the key's is none of a release. */
const subject = Buffer.from("qn release of images\n");

/** How long a file of signatures may be in bytes: some hundred of them. */
export const signaturesBytesMax = 16 * 1024;

/** One line of a release's signatures: base64 of an ed25519 signature (RFC 8032). */
export function signatureOf(release: Uint8Array, key: KeyObject): string {
  return `${sign(null, Buffer.concat([subject, release]), key).toString("base64")}\n`;
}

/**
 * A public key from its PEM text. Throws IMAGE_UNTRUSTED for what is none, or another kind's than ed25519; `path` is
 * for the message.
 */
export function publicKeyIn(pem: string, path: string): KeyObject {
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === "ed25519" && !pem.includes("PRIVATE")) return key;
  } catch (cause) {
    throw new QnError("IMAGE_UNTRUSTED", `"${path}" is no public key in PEM.`, { cause, hint: keyHint });
  }
  throw new QnError("IMAGE_UNTRUSTED", `"${path}" is no public key of ed25519.`, { hint: keyHint });
}

/**
 * Whether one of the lines is a signature of these very bytes by one of the keys. Lines that are no signatures, or a
 * stranger's, do no harm: a release is signed by an old and a new key for a time.
 */
export function isSignedBy(bytes: Uint8Array, signatures: string, keys: readonly KeyObject[]): boolean {
  const lines = signatures.split("\n").map((line) => Buffer.from(line.trim(), "base64"));
  return lines.some((line) => line.length === 64 && keys.some((key) => verify(null, bytes, key, line)));
}

/** Throws IMAGE_UNTRUSTED unless one of the lines is a signature of `release` by one of the keys. */
export function requireSigned(
  release: Uint8Array,
  signatures: string,
  keys: readonly KeyObject[],
  address: string,
): void {
  if (isSignedBy(Buffer.concat([subject, release]), signatures, keys)) return;
  throw new QnError("IMAGE_UNTRUSTED", `The release at ${address} is signed by nobody whose key this qn knows.`);
}

// --- internal ---

const keyHint = "Make it with `openssl pkey -in PRIVATE.pem -pubout`.";
