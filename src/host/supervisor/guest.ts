/** The supervisor's side of the control connection: links to the agent, checks who it is, and hears what it reports. */
import { QnError } from "../../base/errors.ts";
import { encode } from "../../protocol/frame.ts";
import { type AgentMessage, parseAgentMessage, protocolVersion } from "../../protocol/messages.ts";
import { dial, type GateKey, type Proven } from "../gate/dial.ts";
import { GatePool } from "../gate/pool.ts";

/** What the supervisor does with what the agent says. */
export type GuestListener = {
  readonly onMessage: (message: AgentMessage) => void;
  readonly onLost: (reason: string) => void;
};

/** A link to one life of the agent. */
export type GuestLink = { readonly pool: GatePool; readonly agentVersion: string; close(): void };

/**
 * Links to the agent behind the gate: control connection, hello both ways, pool. Throws GATE_REFUSED or PROTOCOL when
 * the gate does not answer as it should, AGENT_INCOMPATIBLE when the agent speaks another protocol.
 */
export async function linkGuest(key: GateKey, version: string, listener: GuestListener): Promise<GuestLink> {
  const proven = await dial(key);
  const { connection, lines } = proven;
  connection.write(encode({ open: "control" }));
  connection.write(encode({ type: "hello", protocol: protocolVersion, version }));
  const hello = parseAgentMessage(await lines.next());
  if (hello.type !== "hello" || hello.protocol !== protocolVersion) {
    connection.reset();
    const spoken = hello.type === "hello" ? `version ${hello.protocol} (qn ${hello.version})` : "no hello";
    throw new QnError(
      "AGENT_INCOMPATIBLE",
      `The agent in the guest speaks ${spoken} of the protocol, this qn version ${protocolVersion}.`,
    );
  }
  const pool = new GatePool(key);
  const close = (): void => {
    pool.close();
    connection.reset();
  };
  let lost = false;
  const lose = (reason: string): void => {
    if (lost) return;
    lost = true;
    close();
    listener.onLost(reason);
  };
  pool.onLost = (error) => lose(error.message);
  void hear(proven, listener.onMessage).catch((error: unknown) => lose(String(error)));
  return { pool, agentVersion: hello.version, close };
}

// --- internal ---

async function hear({ lines }: Proven, onMessage: (message: AgentMessage) => void): Promise<never> {
  for (;;) onMessage(parseAgentMessage(await lines.next()));
}
