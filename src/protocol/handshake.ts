/** How both ends of the gate prove the boot's secret to each other without ever sending it. */
import { createHmac, timingSafeEqual } from "node:crypto";
import * as v from "valibot";
import { QnError } from "../base/errors.ts";

/** Bytes of the secret and of each nonce: 256 bits, the block of SHA-256's output (RFC 2104 advises no less). */
export const secretBytes = 32;

/** The longest line of the handshake in bytes; whoever sends more is not one of ours. */
export const handshakeLineBytesMax = 512;

const nonceText = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** The agent speaks first: its nonce. */
const challengeSchema = v.object({ qn: v.literal(1), nonce: nonceText });
const responseSchema = v.object({ nonce: nonceText, proof: nonceText });
const confirmationSchema = v.object({ proof: nonceText });

/** The host answers with its nonce and the proof over both. */
export type Response = v.InferOutput<typeof responseSchema>;
/** The agent proves itself in turn. */
export type Confirmation = v.InferOutput<typeof confirmationSchema>;

/** Who proves. It is part of what is proven, so that neither proof can be sent back as the other (a reflection). */
type Role = "host" | "agent";

/** The host's answer to a challenge. `hostNonce` is 32 fresh random bytes. Throws LINK_REFUSED for anything else. */
export function respond(line: string, secret: Uint8Array, hostNonce: Uint8Array): Response & { agentNonce: string } {
  const { nonce: agentNonce } = parsed(challengeSchema, line);
  const nonce = Buffer.from(hostNonce).toString("hex");
  return { nonce, proof: prove("host", secret, agentNonce, nonce), agentNonce };
}

/** The agent's check of the host's answer, and its own proof. Throws LINK_REFUSED when the proof is wrong. */
export function confirm(line: string, secret: Uint8Array, agentNonce: string): Confirmation {
  const { nonce, proof } = parsed(responseSchema, line);
  expectEqual(proof, prove("host", secret, agentNonce, nonce));
  return { proof: prove("agent", secret, agentNonce, nonce) };
}

/** The host's check of the agent's proof. Throws LINK_REFUSED when it is wrong: this is not our guest. */
export function accept(line: string, secret: Uint8Array, agentNonce: string, hostNonce: string): void {
  const { proof } = parsed(confirmationSchema, line);
  expectEqual(proof, prove("agent", secret, agentNonce, hostNonce));
}

// --- internal ---

function prove(role: Role, secret: Uint8Array, agentNonce: string, hostNonce: string): string {
  return createHmac("sha256", secret).update(`qn gate 1\n${role}\n${agentNonce}\n${hostNonce}`).digest("hex");
}

function expectEqual(given: string, wanted: string): void {
  if (!timingSafeEqual(Buffer.from(given), Buffer.from(wanted))) {
    throw new QnError("LINK_REFUSED", "The other side does not know this boot's secret.");
  }
}

function parsed<Schema extends v.GenericSchema>(schema: Schema, line: string): v.InferOutput<Schema> {
  try {
    return v.parse(schema, JSON.parse(line));
  } catch (cause) {
    throw new QnError("LINK_REFUSED", "The other side does not speak qn's handshake.", { cause });
  }
}
