/** The supervisor's side of the control connection: links to the agent, checks who it is, and hears what it reports. */
import { messageOf, QnError } from "../../base/errors.ts";
import { encode } from "../../protocol/frame.ts";
import { type AgentMessage, type HostMessage, parseAgentMessage, protocolVersion } from "../../protocol/messages.ts";
import { within } from "../../system/clock.ts";
import { dial, type GateKey, type Proven } from "../gate/dial.ts";
import { openLanes } from "../gate/lanes.ts";
import { GatePool } from "../gate/pool.ts";
import { refuseSkew } from "../skew.ts";

/** What the supervisor does with what the agent says. */
export type GuestListener = {
  /** `reply` answers on the same link. */
  readonly onMessage: (message: AgentMessage, reply: (answer: HostMessage) => void) => void;
  /** `isNonsense` when the agent has said what this qn cannot read. */
  readonly onLost: (reason: string, isNonsense: boolean) => void;
};

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

/** How long an agent that has proven itself may take to say hello: it does so at once, unless the guest hangs. */
const usualDeadlineMs = 20_000;

/**
 * Links to the agent behind the gate: control connection, hello both ways, pool. Throws GATE_REFUSED or PROTOCOL when
 * the gate does not answer as it should, AGENT_INCOMPATIBLE when the agent, which has proven to be this guest's, says no
 * hello that this qn works with; the connection is closed then. The link is cold: a guest that boots needs its processors
 * for Docker.
 */
export async function linkGuest(
  key: GateKey,
  version: string,
  listener: GuestListener,
  { helloDeadlineMs = usualDeadlineMs }: { readonly helloDeadlineMs?: number } = {},
): Promise<GuestLink> {
  const proven = await dial(key);
  const { connection } = proven;
  let hello: Hello;
  try {
    hello = await greet(proven, version, helloDeadlineMs);
  } catch (error) {
    connection.reset();
    throw error;
  }
  const pool = new GatePool(key, { isCold: true });
  const reply = (answer: HostMessage): void => void connection.write(encode(answer));
  let isWarm = false;
  const warm = (): void => {
    if (isWarm || isOver) return;
    isWarm = true;
    pool.warm();
    if (hello.capabilities?.includes("lanes") !== true) return;
    void openLanes(key.lanes ?? [], reply, (lane) => pool.addLane(lane));
  };
  let isOver = false;
  const close = (): void => {
    isOver = true;
    pool.close();
    connection.reset();
  };
  const lose = (error: unknown): void => {
    if (isOver) return;
    close();
    listener.onLost(messageOf(error), error instanceof QnError && error.code === "AGENT_INCOMPATIBLE");
  };
  pool.onLost = lose;
  void hear(proven, (message) => listener.onMessage(message, reply)).catch(lose);
  return { pool, hello, tell: reply, warm, close };
}

// --- internal ---

/** Says hello both ways; gives back the agent's. */
async function greet({ connection, lines }: Proven, version: string, deadlineMs: number): Promise<Hello> {
  connection.write(encode({ open: "control" }));
  connection.write(encode({ type: "hello", protocol: protocolVersion, version }));
  const hello = helloIn(await within(lines.next(), deadlineMs, noHello));
  refuseSkew(`The agent in the guest (qn ${hello.version})`, hello.protocol);
  return hello;
}

/** Every version says hello first, in words that never change: whoever says anything else will say so next time, too. */
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
  return new QnError("GATE_REFUSED", "The agent in the guest did not say hello in time.");
}

async function hear({ lines }: Proven, onMessage: (message: AgentMessage) => void): Promise<never> {
  for (;;) {
    const line = await lines.next();
    const message = understood(line);
    if (message !== undefined) onMessage(message);
  }
}

/** A message that cannot be read is another matter than a connection that ends: it will be the same on the next link. */
function understood(line: string): AgentMessage | undefined {
  try {
    return parseAgentMessage(line);
  } catch (cause) {
    throw new QnError("AGENT_INCOMPATIBLE", messageOf(cause), { cause });
  }
}
