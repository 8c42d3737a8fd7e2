/** The agent's end of the control connection: says hello, sends its whole state, and sends it again when it changes. */
import { messageOf } from "../base/errors.ts";
import { encode, LineReader } from "../protocol/frame.ts";
import { type AgentMessage, parseHostMessage, protocolVersion, type PublishedPort } from "../protocol/messages.ts";
import type { Connection } from "../system/connection.ts";

/** What the host should know, as of now. */
type Report = { ports: readonly PublishedPort[]; docker: "ready" | "down" };

/** Who this agent is, for `hello`. */
export type Identity = Pick<Extract<AgentMessage, { type: "hello" }>, "version" | "arch" | "image">;

/** All control connections of one agent: usually one, two while a supervisor is being replaced. */
export class HostLink {
  readonly #identity: Identity;
  readonly #connections = new Set<Connection>();
  #report: Report = { ports: [], docker: "down" };

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /** Takes a control connection over and brings the host up to date. */
  adopt(connection: Connection, early: Uint8Array): void {
    const reader = new LineReader();
    const read = (bytes: Uint8Array): void => {
      reader.push(bytes);
      try {
        for (let line = reader.next(); line !== undefined; line = reader.next()) parseHostMessage(line);
      } catch (error) {
        this.log(messageOf(error));
        connection.reset();
      }
    };
    connection.onData = read;
    connection.onEnd = () => connection.end();
    connection.onClose = () => this.#connections.delete(connection);
    this.#connections.add(connection);
    const send = (message: AgentMessage): void => void connection.write(encode(message));
    send({ type: "hello", protocol: protocolVersion, ...this.#identity });
    send({ type: "ports", ports: [...this.#report.ports] });
    send({ type: "docker", state: this.#report.docker });
    read(early);
    connection.resume();
  }

  /** The ports that are published now. */
  reportPorts(ports: readonly PublishedPort[]): void {
    this.#report.ports = ports;
    this.#send({ type: "ports", ports: [...ports] });
  }

  /** Whether the Docker daemon answers. */
  reportDocker(state: "ready" | "down"): void {
    if (this.#report.docker === state) return;
    this.#report.docker = state;
    this.#send({ type: "docker", state });
  }

  /** A line for the host's agent log; the guest's journal gets it too. */
  log(text: string): void {
    process.stderr.write(`${text}\n`);
    this.#send({ type: "log", text: text.slice(0, 16_384) });
  }

  #send(message: AgentMessage): void {
    const line = encode(message);
    for (const connection of this.#connections) connection.write(line);
  }
}
