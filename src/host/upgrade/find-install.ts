/** Finds out how this qn was installed. */
import type { KeyObject } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { readTextIfThere } from "../../system/files.ts";
import { imageSourceOf } from "../config/image-source.ts";
import type { ReleaseSource } from "../image/pull/addresses.ts";
import { releaseKeyObjects, releaseKeys } from "../image/pull/keys.ts";
import { publicKeyIn } from "../image/pull/signature.ts";
import { programFiles } from "./files.ts";
import { otherWay } from "./other-ways.ts";
import { parseReceipt, type Receipt, receiptFile } from "./receipt.ts";

/** What install.sh has installed: the folder that `bin` and `share` are in, and its receipt. */
export type Install = { readonly prefix: string; readonly receipt: Receipt };

/** Variables of the environment. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The install that a program belongs to; `command` is what runs it, as `selfCommand` has it. Throws UPGRADE_REFUSED,
 * with what to do instead, for one that came in another way.
 */
export async function findInstall(command: readonly string[]): Promise<Install> {
  const [program = "", source] = command;
  const path = await realpath(program);
  const prefix = dirname(dirname(path));
  const place = join(prefix, receiptFile);
  const text = source === undefined ? await readTextIfThere(place) : undefined;
  if (text !== undefined && path === join(prefix, programFiles.now))
    return { prefix, receipt: parseReceipt(text, place) };
  const { words, command: instead } = otherWay({ path, isSource: source !== undefined });
  throw new QnError("UPGRADE_REFUSED", `This qn ${words}: ${source ?? path}.`, { hint: `To upgrade it: ${instead}` });
}

/** The mirror that upgrades come from; nothing for qn's own releases. Throws UPGRADE_REFUSED for what is none. */
export function mirrorOf({ receipt }: Install, env: Environment): ReleaseSource | undefined {
  const text = env["QN_INSTALL_URL"] || receipt.base;
  if (text === null) return undefined;
  const source = imageSourceOf(text);
  if (source?.kind === "folder" || source?.kind === "web") return source;
  throw new QnError("UPGRADE_REFUSED", `"${text}" is no https address and no folder.`);
}

/**
 * Whose upgrades are taken: by the key that QN_INSTALL_KEY names, else by that of the mirror, else by qn's own. Throws
 * UPGRADE_UNTRUSTED when there is none, or it is no key.
 */
export async function keysOf({ receipt }: Install, env: Environment): Promise<readonly KeyObject[]> {
  const file = env["QN_INSTALL_KEY"] ?? "";
  try {
    if (file !== "") return [publicKeyIn(await readFile(file, "utf8"), file)];
    if (receipt.key !== null) return [publicKeyIn(pemOf(receipt.key), receiptFile)];
  } catch (cause) {
    throw new QnError("UPGRADE_UNTRUSTED", `The key cannot be used: ${messageOf(cause)}`, { cause });
  }
  if (releaseKeys.length > 0) return releaseKeyObjects();
  throw new QnError("UPGRADE_UNTRUSTED", "This qn knows nobody who releases it.", {
    hint: "QN_INSTALL_KEY names the public key of a mirror of yours.",
  });
}

// --- internal ---

function pemOf(base64: string): string {
  return `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`;
}
