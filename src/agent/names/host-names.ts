/** What the host's resolver knows: questions go to the supervisor over one stream, which the host has opened. */
import { idOf, withId } from "../../base/dns.ts";
import { DatagramReader, encodeDatagram } from "../../protocol/datagram.ts";
import { encode } from "../../protocol/frame.ts";
import { after } from "../../system/clock.ts";
import type { Connection } from "../../system/connection.ts";

/** How long the host may take, all of its servers in turn; whoever asks has given up by then. */
const deadlineMs = 15_000;

/** Questions under way; more are not asked. Far below the 65,536 numbers that there are. */
const pendingMax = 512;

/** Asks somebody else when the host does not listen: a supervisor that is being replaced must not stop all names. */
export type Ask = (question: Uint8Array) => Promise<Uint8Array>;

/** The way to the host's resolver. */
export class HostNames {
  readonly #otherwise: Ask;
  readonly #pending = new Map<number, (answer: Uint8Array) => void>();
  #stream: Connection | undefined;
  #lastId = 0;

  constructor(otherwise: Ask) {
    this.#otherwise = otherwise;
  }

  /** Takes over the stream on which the host answers; an older one is of a supervisor that has gone. */
  adopt(stream: Connection, early: Uint8Array): void {
    const reader = new DatagramReader();
    const read = (bytes: Uint8Array): void => {
      for (const answer of reader.push(bytes)) this.#pending.get(idOf(answer))?.(Uint8Array.from(answer));
    };
    this.#stream?.reset();
    this.#stream = stream;
    stream.onData = read;
    stream.onEnd = () => stream.end();
    stream.onClose = () => {
      if (this.#stream === stream) this.#stream = undefined;
    };
    stream.write(encode({ ok: true }));
    read(early);
    stream.resume();
  }

  /** The answer to a question. Throws when there is none in time, or too much is asked. */
  async ask(question: Uint8Array): Promise<Uint8Array> {
    const stream = this.#stream;
    if (stream === undefined) return await this.#otherwise(question);
    if (this.#pending.size >= pendingMax) throw new Error("Too many questions are under way.");
    const id = this.#freeId();
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const timer = after(deadlineMs, () => reject(new Error("The host does not answer.")));
    this.#pending.set(id, resolve);
    try {
      stream.write(encodeDatagram(withId(question, id)));
      return withId(await promise, idOf(question));
    } finally {
      timer.cancel();
      this.#pending.delete(id);
    }
  }

  /** Each question that passes has a number of its own: two clients may well choose the same. */
  #freeId(): number {
    do this.#lastId = (this.#lastId + 1) & 0xffff;
    while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }
}
