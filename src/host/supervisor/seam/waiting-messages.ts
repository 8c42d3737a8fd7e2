/**
 * Messages of the agent that wait for their turn: of each kind the newest, which says all that those before it have
 * said.
 */
import type { AgentMessage } from "../../../protocol/messages.ts";
import type { Reply } from "./guest-link.ts";

/** A message, and the way to answer it. */
export type Asked<Type extends AgentMessage["type"]> = {
  readonly message: Extract<AgentMessage, { type: Type }>;
  readonly reply: Reply;
};

/** Docker may have asked for a choice of ports in the report that is passed over. */
export function joinedReports(waiting: Asked<"ports">, newer: Asked<"ports">): Asked<"ports"> {
  const choosing = waiting.message.choosing === true || newer.message.choosing === true;
  return { ...newer, message: { ...newer.message, choosing } };
}

/** The answer to a question is one to all questions before it on the same link. */
export function joinedMounts(waiting: Asked<"mounts">, newer: Asked<"mounts">): Asked<"mounts"> {
  const ask = newer.message.ask ?? (waiting.reply === newer.reply ? waiting.message.ask : undefined);
  return { ...newer, message: { ...newer.message, ask } };
}
