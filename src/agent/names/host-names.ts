/** What the host's resolver knows: questions go to the supervisor over one stream, which the host has opened. */
import { idOf, withId } from "../../base/dns.ts";
import { DatagramReader, encodeDatagram } from "../../protocol/datagram.ts";
import { encode } from "../../protocol/frame.ts";
import { messageOf } from "../../base/errors.ts";
import { after } from "../../system/clock.ts";
import type { Connection } from "../../system/net/connection.ts";
import { converse } from "../../system/net/conversation.ts";

/** How long the host may take, all of its servers in turn; whoever asks has given up by then. */
const deadlineMs = 15_000;

/** Questions under way; more are not asked. Far below the 65,536 numbers that there are. */
const pendingMax = 512;

/** The longest question in bytes, as the host takes them (host/names/dns-stream.ts). */
const questionBytesMax = 4_096;

/** What the host may leave unread, in bytes; then it is asked no more until it is there again. */
const unreadBytesMax = 1024 ** 2;

/** Asks somebody else when the host does not listen: a supervisor that is being replaced must not stop all names. */
export type Ask = (question: Uint8Array) => Promise<Uint8Array>;

/** The way to the host's resolver. */
export class HostNames {
  readonly #otherwise: Ask;
  readonly #onTrouble: (text: string) => void;
  #underWay = 0;
  readonly #pending = new Map<number, (answer: Uint8Array) => void>();
  #stream: Connection | undefined;
  #lastId = 0;

  /** `onTrouble` hears why this side has given a stream up. */
  constructor(otherwise: Ask, onTrouble: (text: string) => void) {
    this.#otherwise = otherwise;
    this.#onTrouble = onTrouble;
  }

  /** Takes over the stream on which the host answers; an older one is of a supervisor that has gone. */
  adopt(stream: Connection, early: Uint8Array): void {
    const reader = new DatagramReader();
    this.#stream?.reset();
    this.#stream = stream;
    const hear = converse(stream, {
      cut: (bytes) => reader.cut(bytes),
      onMessage: (answer) => this.#pending.get(idOf(answer))?.(Uint8Array.from(answer)),
      unreadBytesMax,
      onOver: (reason, isOurs) => {
        if (this.#stream === stream) this.#stream = undefined;
        if (isOurs) this.#onTrouble(`names: the host is given up: ${messageOf(reason)}`);
      },
    });
    stream.write(encode({ ok: true }));
    hear(early);
  }

  /** The answer to a question. Throws when there is none in time, or too much is asked. */
  async ask(question: Uint8Array): Promise<Uint8Array> {
    if (question.length > questionBytesMax) throw new Error("The question is too long.");
    if (this.#underWay >= pendingMax) throw new Error("Too many questions are under way.");
    this.#underWay += 1;
    try {
      const stream = this.#stream;
      return stream === undefined ? await this.#otherwise(question) : await this.#askOn(stream, question);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #askOn(stream: Connection, question: Uint8Array): Promise<Uint8Array> {
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
