/** The names that only the guest knows: those under which containers reach the host. */
import { addressAnswer, questionOf, recordType } from "../../base/dns.ts";
import { slirp } from "../../protocol/messages.ts";

/** As in Docker Desktop. */
const hostNames: ReadonlySet<string> = new Set(["host.docker.internal", "gateway.docker.internal"]);

/** How long such an answer may be remembered, in seconds: it never changes while the VM runs. */
const ttlS = 600;

/** The answer to a question about the host's own names, whatever is asked of them; nothing for all other names. */
export function localAnswer(message: Uint8Array): Uint8Array | undefined {
  const question = questionOf(message);
  if (question === undefined || !hostNames.has(question.name)) return undefined;
  return addressAnswer(message, question.type === recordType.a ? [slirp.host] : [], ttlS);
}
