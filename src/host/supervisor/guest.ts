/** The supervisor's side of the control connection: links to the agent, checks who it is, and hears what it reports. */
import { messageOf, QnError } from "../../base/errors.ts";
import { encode } from "../../protocol/frame.ts";
import { type AgentMessage, type HostMessage, parseAgentMessage, protocolVersion } from "../../protocol/messages.ts";
import { within } from "../../system/clock.ts";
import { dial, type GateKey, type Proven } from "../gate/dial.ts";
import { GatePool } from "../gate/pool.ts";

/** What the supervisor does with what the agent says. */
export type GuestListener = {
  /** `reply` answers on the same link. */
  readonly onMessage: (message: AgentMessage, reply: (answer: HostMessage) => void) => void;
  readonly onLost: (reason: string) => void;
};

/** A link to one life of the agent. `close` ends it without a word to `onLost`. */
export type GuestLink = { readonly pool: GatePool; readonly agentVersion: string; close(): void };

/** How long an agent that has proven itself may take to say hello: it does so at once, unless the guest hangs. */
const usualDeadlineMs = 20_000;

/**
 * Links to the agent behind the gate: control connection, hello both ways, pool. Throws GATE_REFUSED or PROTOCOL when
 * the gate does not answer as it should, AGENT_INCOMPATIBLE when the agent speaks another protocol; the connection is
 * closed then.
 */
export async function linkGuest(
  key: GateKey,
  version: string,
  listener: GuestListener,
  { helloDeadlineMs = usualDeadlineMs }: { readonly helloDeadlineMs?: number } = {},
): Promise<GuestLink> {
  const proven = await dial(key);
  const { connection } = proven;
  let agentVersion: string;
  try {
    agentVersion = await greet(proven, version, helloDeadlineMs);
  } catch (error) {
    connection.reset();
    throw error;
  }
  const pool = new GatePool(key);
  let isOver = false;
  const close = (): void => {
    isOver = true;
    pool.close();
    connection.reset();
  };
  const lose = (reason: string): void => {
    if (isOver) return;
    close();
    listener.onLost(reason);
  };
  pool.onLost = (error) => lose(error.message);
  const reply = (answer: HostMessage): void => void connection.write(encode(answer));
  void hear(proven, (message) => listener.onMessage(message, reply)).catch((error: unknown) => lose(messageOf(error)));
  return { pool, agentVersion, close };
}

// --- internal ---

/** Says hello both ways; gives back the agent's version. */
async function greet({ connection, lines }: Proven, version: string, deadlineMs: number): Promise<string> {
  connection.write(encode({ open: "control" }));
  connection.write(encode({ type: "hello", protocol: protocolVersion, version }));
  const hello = parseAgentMessage(await within(lines.next(), deadlineMs, noHello));
  if (hello.type === "hello" && hello.protocol === protocolVersion) return hello.version;
  const spoken = hello.type === "hello" ? `version ${hello.protocol} (qn ${hello.version})` : "no hello";
  throw new QnError(
    "AGENT_INCOMPATIBLE",
    `The agent in the guest speaks ${spoken} of the protocol, this qn version ${protocolVersion}.`,
  );
}

function noHello(): QnError {
  return new QnError("GATE_REFUSED", "The agent in the guest did not say hello in time.");
}

async function hear({ lines }: Proven, onMessage: (message: AgentMessage) => void): Promise<never> {
  for (;;) onMessage(parseAgentMessage(await lines.next()));
}
