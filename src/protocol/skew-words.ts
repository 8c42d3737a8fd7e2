/** What is said when the qn in a guest is another one than this: refused when the protocol differs, else only told. */
import { QnError } from "../base/errors.ts";
import { compareVersions } from "../base/words.ts";
import { protocolVersion } from "./messages.ts";
import { skewOf } from "./skew.ts";

/**
 * Throws AGENT_INCOMPATIBLE when `subject`, such as "The agent in the guest", speaks a protocol that this qn does not.
 */
export function refuseSkew(subject: string, protocol: number): void {
  const skew = skewOf(protocol);
  if (skew === undefined) return;
  const age = skew === "older" ? "an older" : "a newer";
  const message = `${subject} is of ${age} qn: it speaks version ${protocol} of the protocol, this qn version ${protocolVersion}.`;
  throw new QnError("AGENT_INCOMPATIBLE", message, { hint: skew === "older" ? rebuild : `Upgrade qn, or: ${rebuild}` });
}

/**
 * What a person should know of an agent of a protocol that fits and of another version; nothing when there is nothing.
 */
export function skewWarning(version: string, ownVersion: string): string | undefined {
  const order = compareVersions(version, ownVersion);
  if (order === 0) return undefined;
  if (order < 0) {
    return `The agent in the guest is of an older qn, ${version} (this is ${ownVersion}): what is new since does not work there. \`qn image build\` and \`qn restart\` bring it up to date.`;
  }
  return `The agent in the guest is of a newer qn, ${version} (this is ${ownVersion}): what is new in it is not used. Upgrade qn.`;
}

// --- internal ---

const rebuild =
  "Build the image again with `qn image build`, then `qn down` and `qn up`; containers, images and volumes stay.";
