/** Takes out of a text what is nobody else's business. */
import { withoutSecrets } from "../../base/secrets.ts";

/** What is known to be private: names to give another name, and secrets to blot out. */
export type Private = {
  readonly homeFolder: string;
  readonly userName: string;
  readonly hostName: string;
  readonly secrets: readonly string[];
  /** Whether home folder, user and host keep their names; secrets never stay. */
  readonly keepNames: boolean;
};

/** The text without secrets and, unless they are kept, without the names of home folder, user and host. */
export function redact(text: string, { homeFolder, userName, hostName, secrets, keepNames }: Private): string {
  let clean = text;
  for (const secret of secrets.filter((each) => each.length >= shortest)) clean = clean.replaceAll(secret, "[secret]");
  clean = withoutSecrets(clean.replaceAll(hexSecret, "[secret]"));
  if (keepNames) return clean;
  if (homeFolder.length > 1) clean = clean.replaceAll(homeFolder, "~");
  return withoutName(withoutName(clean, userName, "[user]"), hostName, "[host]");
}

/** The same of every text in a value, names of members too: nothing in it is taken for the end of a secret. */
export function redactAll(value: unknown, known: Private): unknown {
  if (typeof value === "string") return redact(value, known);
  if (Array.isArray(value)) return value.map((each) => redactAll(each, known));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [redact(name, known), redactAll(each, known)]));
}

// --- internal ---

/** Shorter strings are no secrets of qn's, and would blot out words. */
const shortest = 8;

/** 256 bits in hex, as the gate's secret has; hashes of images look like it and are of no use in a report. */
const hexSecret = /\b[0-9a-f]{64}\b/gi;

/** Words of less than three letters, and root, are in every text for other reasons. */
function withoutName(text: string, name: string, instead: string): string {
  if (name.length < 3 || name === "root" || name === "localhost") return text;
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return text.replaceAll(new RegExp(`(?<![\\w])${literal}(?![\\w])`, "g"), instead);
}
