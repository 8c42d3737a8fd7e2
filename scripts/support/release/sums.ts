/** What says that the files of a release are whole, and whose they are: SHA256SUMS and its signature. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

/** A file of a release by its name, with its SHA-256 in hex. */
export type Sums = ReadonlyMap<string, string>;

/** The list's text, sorted by name. */
export function sumsText(sums: Sums): string {
  const names = [...sums.keys()].toSorted();
  return names.map((name) => `${sums.get(name)}  ${name}\n`).join("");
}

/** The text of the list's signature. */
export function sumsSignature(list: string, key: KeyObject): string {
  return `${sign(null, Buffer.from(list), key).toString("base64")}\n`;
}

/** A private key from its PEM text. Throws for what is none, or another kind's than ed25519; `path` is for the message. */
export function releaseKey(pem: string, path: string): KeyObject {
  const hint = "It is made by: openssl genpkey -algorithm ed25519";
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new Error(`"${path}" is no private key in PEM. ${hint}`, { cause });
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new Error(`"${path}" is a key of ${key.asymmetricKeyType}, and has to be one of ed25519. ${hint}`);
}

/** Whether one of `trusted`, in PEM, is the other half of the key. */
export function isTrusted(key: KeyObject, trusted: readonly string[]): boolean {
  const own = createPublicKey(key);
  return trusted.some((pem) => createPublicKey(pem).equals(own));
}
