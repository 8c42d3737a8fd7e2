/**
 * What the host asks a proven connection through the gate to become, what the agent answers, and when it asks again.
 */
import * as v from "valibot";
import { hostAddress } from "./messages.ts";
import { clientNumber } from "./host-sockets.ts";
import { mountSocketEntries } from "./mount-sockets.ts";
import { portSchema } from "./terms.ts";
import { parserOf } from "./parser.ts";

/**
 * Asks, and answers, that the connection may be used for another request when the stream has ended in both directions.
 * The agent then says `Ready`, and until it does the host asks for nothing. Either side may be one that does not know
 * of it: then the connection ends with its stream.
 */
const reuse = v.optional(v.boolean());

const openSchema = v.variant("open", [
  v.object({ open: v.literal("control") }),
  v.object({ open: v.literal("docker"), reuse }),
  // Questions for the host's resolver come from the guest on it, answers from the host, framed as datagrams.
  v.object({ open: v.literal("names") }),
  v.object({
    open: v.literal("port"),
    protocol: v.picklist(["tcp", "udp"]),
    hostIp: hostAddress,
    hostPort: portSchema,
    reuse,
  }),
  // A port of the guest itself, for a forward that a person made.
  v.object({ open: v.literal("guest"), protocol: v.picklist(["tcp", "udp"]), port: portSchema, reuse }),
  // A client in the guest of one of the host's sockets: the number that the agent has asked with.
  v.object({ open: v.literal("socket"), client: clientNumber, reuse }),
  // A socket on which a container listens in a folder of the host's.
  v.object({ open: v.literal("mount-socket"), ...mountSocketEntries, reuse }),
]);

/** What the host asks a proven connection to become. */
export type Open = v.InferOutput<typeof openSchema>;

/** The streams that lead on to some address in the guest. */
export type OpenOnward = Exclude<Open, { open: "control" | "names" | "socket" | "mount-socket" }>;

/** The most letters of a reason, and the longest answer in bytes: JSON writes a control character as six. */
const reasonLettersMax = 4_096;
export const openedBytesMax = 6 * reasonLettersMax + 256;

/** The answer to `Open`: from here on the bytes of the stream (piece.ts) or datagrams, or why not. */
const openedSchema = v.variant("ok", [
  v.object({ ok: v.literal(true), reuse }),
  v.object({ ok: v.literal(false), reason: v.pipe(v.string(), v.maxLength(reasonLettersMax)) }),
]);

export type Opened = v.InferOutput<typeof openedSchema>;

const readySchema = v.object({ ready: v.literal(true) });

/** What the agent says behind a stream that is over: nothing of it is left, and the next request may come. */
export type Ready = v.InferOutput<typeof readySchema>;

/** Parse one line each. All throw PROTOCOL with what is wrong. */
export const parseOpen = parserOf("open request", openSchema);
export const parseOpened = parserOf("answer to an open request", openedSchema);
export const parseReady = parserOf("word behind a stream", readySchema);
