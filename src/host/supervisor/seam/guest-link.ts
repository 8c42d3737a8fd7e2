/** The supervisor's side of the control connection: links to the agent, checks who it is, and hears what it reports. */
import { messageOf, QnError } from "../../../base/errors.ts";
import { encode, LineReader } from "../../../protocol/frame.ts";
import { type AgentMessage, type HostMessage, parseAgentMessage, protocolVersion } from "../../../protocol/messages.ts";
import type { Open } from "../../../protocol/stream-request.ts";
import { within } from "../../../system/clock.ts";
import type { Connection } from "../../../system/net/connection.ts";
import { converse, UnreadError } from "../../../system/net/conversation.ts";
import { tracers } from "../../../system/trace.ts";
import { dial, type GateKey, type Proven } from "../../gate/dial.ts";
import { openLanes } from "../../gate/lanes.ts";
import { GatePool } from "../../gate/pool.ts";
import { refuseSkew } from "../../../protocol/skew-words.ts";

/**
 * Answers on a link. What it gives back, if anything, resolves once the agent has read enough for more: whoever has
 * much to say waits for it, and who does not is bounded by `unreadBytesMax`.
 */
export type Reply = (answer: HostMessage) => Promise<void> | undefined;

/** What the supervisor does with what the agent says. */
export type GuestListener = {
  /** `reply` answers on the same link. No other message is read before what it gives back resolves. */
  readonly onMessage: (message: AgentMessage, reply: Reply) => void | Promise<void>;
  /** `fault` is the agent's: it has said what this qn cannot read, or does not read what it has asked for. */
  readonly onLost: (reason: string, fault?: LinkFault) => void;
};

/** What an agent may do to have its link ended. */
export type LinkFault = "nonsense" | "unread";

/** What an agent says of itself. */
export type Hello = Extract<AgentMessage, { type: "hello" }>;

/** A link to one life of the agent. `close` ends it without a word to `onLost`. */
export type GuestLink = {
  readonly pool: GatePool;
  readonly hello: Hello;
  tell(message: HostMessage): void;
  /** Opens what clients of ports are served by, once: the pool's idle connections, and the lanes. */
  warm(): void;
  close(): void;
};

/**
 * What an agent may leave unread, in bytes: two of the longest messages (protocol/frame.ts), beside what the kernels
 * take. An agent that asks and does not read loses its link.
 */
const unreadBytesMax = 2 * 1024 ** 2;

/** How long an agent that has proven itself may take to say hello: it does so at once, unless the guest hangs. */
const usualDeadlineMs = 20_000;

/**
 * Links to the agent behind the gate: control connection, hello both ways, pool. Throws LINK_REFUSED or PROTOCOL when
 * the gate does not answer as it should, AGENT_INCOMPATIBLE when the agent, which has proven to be this guest's, says
 * no hello that this qn works with; the connection is closed then. The link is cold: a guest that boots needs its
 * processors for Docker.
 */
export async function linkGuest(
  key: GateKey,
  version: string,
  listener: GuestListener,
  { helloDeadlineMs = usualDeadlineMs }: { readonly helloDeadlineMs?: number } = {},
): Promise<GuestLink> {
  const proven = await dial(key);
  const { connection, lines } = proven;
  let hello: Hello;
  try {
    hello = await greet(proven, version, helloDeadlineMs);
  } catch (error) {
    connection.reset();
    throw error;
  }
  const pool = new GatePool(key, { isCold: true });
  let drained = Promise.withResolvers<void>();
  const reply: Reply = (answer) => (say(connection, answer) ? undefined : drained.promise);
  const tell = (message: HostMessage): void => void reply(message);
  let isWarm = false;
  const warm = (): void => {
    if (isWarm || isOver) return;
    isWarm = true;
    pool.warm();
    if (hello.capabilities?.includes("lanes") !== true) return;
    void openLanes(key.lanes ?? [], tell, (lane) => pool.addLane(lane));
  };
  let isOver = false;
  const close = (): void => {
    isOver = true;
    pool.close();
    connection.reset();
    drained.resolve();
  };
  const lose = (error: unknown): void => {
    if (isOver) return;
    close();
    listener.onLost(messageOf(error), faultIn(error));
  };
  pool.onLost = (error) => lose(error);
  const reader = new LineReader();
  const hear = converse(connection, {
    cut: (bytes) => reader.cut(bytes),
    onMessage(line) {
      tracers.wire?.("<-", line);
      const message = understood(line);
      return message === undefined ? undefined : listener.onMessage(message, reply);
    },
    unreadBytesMax,
    onOver: (reason) => lose(reason ?? new QnError("PROTOCOL", "The connection is gone.")),
  });
  connection.amend({
    onDrain() {
      drained.resolve();
      drained = Promise.withResolvers();
    },
    onEnd: () => lose(new QnError("PROTOCOL", "The other side ended the connection.")),
  });
  hear(lines.release());
  return { pool, hello, tell, warm, close };
}

// --- internal ---

/** What of a link's end is the agent's fault: not a line that is cut off or too long, nor what fails on this side. */
function faultIn(error: unknown): LinkFault | undefined {
  if (error instanceof UnreadError) return "unread";
  return error instanceof QnError && error.code === "AGENT_INCOMPATIBLE" ? "nonsense" : undefined;
}

/** False when the agent has not read what was said before. */
function say(connection: Connection, message: HostMessage | Open): boolean {
  const line = encode(message);
  tracers.wire?.("->", line);
  return connection.write(line);
}

/** Says hello both ways; gives back the agent's. */
async function greet({ connection, lines }: Proven, version: string, deadlineMs: number): Promise<Hello> {
  say(connection, { open: "control" });
  say(connection, { type: "hello", protocol: protocolVersion, version });
  const line = await within(lines.next(), deadlineMs, noHello);
  tracers.wire?.("<-", line);
  const hello = helloIn(line);
  refuseSkew(`The agent in the guest (qn ${hello.version})`, hello.protocol);
  return hello;
}

/**
 * Every version says hello first, in words that never change: whoever says anything else will say so next time, too.
 */
function helloIn(line: string): Hello {
  let what = "something else.";
  try {
    const message = parseAgentMessage(line);
    if (message?.type === "hello") return message;
  } catch (error) {
    what = messageOf(error);
  }
  throw new QnError("AGENT_INCOMPATIBLE", `The agent in the guest says no hello that this qn understands: ${what}`);
}

function noHello(): QnError {
  return new QnError("LINK_REFUSED", "The agent in the guest did not say hello in time.");
}

/**
 * A message that cannot be read is another matter than a connection that ends: it will be the same on the next link.
 */
function understood(line: string): AgentMessage | undefined {
  try {
    return parseAgentMessage(line);
  } catch (cause) {
    throw new QnError("AGENT_INCOMPATIBLE", messageOf(cause), { cause });
  }
}
