/** QEMU's monitor protocol, line by line: greeting, reply, event (docs/interop/qmp-spec in QEMU). Unknown → typed. */
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";

const greetingSchema = v.object({
  QMP: v.object({
    version: v.object({ qemu: v.object({ major: v.number(), minor: v.number(), micro: v.number() }) }),
  }),
});

const eventSchema = v.object({
  event: v.string(),
  data: v.optional(v.record(v.string(), v.unknown()), {}),
});

const replySchema = v.object({ return: v.unknown(), id: v.number() });

const refusalSchema = v.object({
  error: v.object({ class: v.string(), desc: v.string() }),
  // An error about a line that QEMU could not parse has no id.
  id: v.optional(v.number()),
});

/** Something that happened in QEMU, such as SHUTDOWN, STOP or VSERPORT_CHANGE. `data` is the event's own. */
export type QmpEvent = {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** One line from QEMU. */
export type QmpMessage =
  | { readonly type: "greeting"; readonly version: string }
  | { readonly type: "event"; readonly event: QmpEvent }
  | { readonly type: "reply"; readonly id: number; readonly value: unknown }
  | { readonly type: "refusal"; readonly id: number | undefined; readonly reason: string };

/** Reads one line. Throws PROTOCOL for anything that is none of the four, with its beginning in the message. */
export function parseMessage(line: string): QmpMessage {
  const json = parseJson(line);
  const event = v.safeParse(eventSchema, json);
  if (event.success) {
    return { type: "event", event: { name: event.output.event, data: event.output.data } };
  }
  const refusal = v.safeParse(refusalSchema, json);
  if (refusal.success) {
    return { type: "refusal", id: refusal.output.id, reason: refusal.output.error.desc };
  }
  const reply = v.safeParse(replySchema, json);
  if (reply.success && hasReturn(json)) return { type: "reply", id: reply.output.id, value: reply.output.return };
  const greeting = v.safeParse(greetingSchema, json);
  if (greeting.success) {
    const { major, minor, micro } = greeting.output.QMP.version.qemu;
    return { type: "greeting", version: `${major}.${minor}.${micro}` };
  }
  throw notQmp(line);
}

/** A command as one line. */
export function commandLine(id: number, command: string, args: Readonly<Record<string, unknown>> | undefined): string {
  return `${JSON.stringify({ execute: command, arguments: args, id })}\n`;
}

// --- internal ---

const shownCharacters = 80;

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw notQmp(line, error);
  }
}

function hasReturn(json: unknown): boolean {
  return typeof json === "object" && json !== null && "return" in json;
}

function notQmp(line: string, cause?: unknown): QnError {
  return new QnError("PROTOCOL", `QEMU's monitor sent ${JSON.stringify(line.slice(0, shownCharacters))}.`, {
    cause,
    hint: "Check what QN_QEMU or PATH names as QEMU: this does not speak QEMU's monitor protocol.",
  });
}
