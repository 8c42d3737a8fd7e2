/** Backpressure for request and answer: neither questions nor unread answers of the other side pile up on this one. */
import { messageOf, QnError } from "../../base/errors.ts";
import type { Connection } from "./connection.ts";

/** How messages come, what is done about each, and how much may be in between. */
export type Rule<Message> = {
  /** Cuts what comes into messages, in order; what it gives for some bytes is used up before it is called again. */
  readonly cut: (bytes: Uint8Array) => Iterable<Message>;
  /** Handles one message. While `atOnce` of them are being handled, one unless given, no other is read. */
  readonly onMessage: (message: Message) => void | Promise<void>;
  readonly atOnce?: number;
  /** How much of what this side says may wait for the other to read, in bytes; past that the conversation ends. */
  readonly unreadBytesMax: number;
  /** The connection is gone. `isOurs` when this side has ended it for that reason, which it says nowhere else. */
  readonly onOver: (reason: Error | undefined, isOurs: boolean) => void;
};

/**
 * Converses on `connection`, whose handlers it takes but for `onDrain`; the function that it gives back takes what has
 * been read before, and begins. Reading never waits for the other side to read: two sides that did so would wait for
 * each other for ever. An end of the other side is answered with one; set `onEnd` for something else.
 */
export function converse<Message>(connection: Connection, rule: Rule<Message>): (early?: Uint8Array) => void {
  const conversation = new Conversation(connection, rule);
  return (early = new Uint8Array()) => conversation.begin(early);
}

/** The end of a conversation whose other side does not read what it has asked for. */
export class UnreadError extends QnError {
  constructor(bytesMax: number) {
    super("PROTOCOL", `The other side does not read: more than ${bytesMax} bytes wait for it.`);
  }
}

// --- internal ---

/** How long messages are taken in a row before whoever else has something to do gets their turn. */
const turnMs = 10;

class Conversation<Message> {
  readonly #connection: Connection;
  readonly #rule: Rule<Message>;
  readonly #atOnce: number;
  /** What has come and is not cut, and the messages of what is being cut. */
  readonly #chunks: Uint8Array[] = [];
  #messages: Iterator<Message, unknown> | undefined;
  #underWay = 0;
  #isPaused = true;
  #isTurnOver = false;
  #turnEndsMs = 0;
  #fault: Error | undefined;

  constructor(connection: Connection, rule: Rule<Message>) {
    this.#connection = connection;
    this.#rule = rule;
    this.#atOnce = rule.atOnce ?? 1;
    const { unreadBytesMax } = rule;
    connection.limitUnread(unreadBytesMax, () => this.#end(new UnreadError(unreadBytesMax)));
    connection.take({
      onData: (bytes) => {
        this.#chunks.push(bytes);
        if (!this.#isPaused) this.#beginTurn();
      },
      onEnd: () => connection.end(),
      onClose: (error) => {
        // Whoever keeps the connection for a while keeps nothing of what it brought.
        this.#chunks.length = 0;
        this.#messages = undefined;
        rule.onOver(this.#fault ?? error, this.#fault !== undefined);
      },
    });
  }

  begin(early: Uint8Array): void {
    if (this.#connection.isClosed) return this.#rule.onOver(undefined, false);
    this.#chunks.unshift(early);
    this.#beginTurn();
  }

  #beginTurn(): void {
    this.#isTurnOver = false;
    this.#turnEndsMs = performance.now() + turnMs;
    this.#take();
  }

  /** Handles what has come, for one turn. What is left then, or may not be begun yet, keeps more from being read. */
  #take(): void {
    try {
      while (!this.#isOver && !this.#isTurnOver && this.#underWay < this.#atOnce) {
        const message = this.#next();
        if (message === undefined) return this.#listen();
        this.#handle(message.value);
        if (performance.now() > this.#turnEndsMs) {
          this.#isTurnOver = true;
          setImmediate(() => this.#beginTurn());
        }
      }
    } catch (error) {
      this.#end(error);
    }
    if (this.#isPaused || this.#isOver) return;
    this.#isPaused = true;
    this.#connection.pause();
  }

  #next(): { readonly value: Message } | undefined {
    for (;;) {
      const message = this.#messages?.next();
      if (message?.done === false) return message;
      const chunk = this.#chunks.shift();
      this.#messages = chunk === undefined ? undefined : this.#rule.cut(chunk)[Symbol.iterator]();
      if (this.#messages === undefined) return undefined;
    }
  }

  #handle(message: Message): void {
    const work = this.#rule.onMessage(message);
    if (!(work instanceof Promise)) return;
    this.#underWay += 1;
    void work
      .catch((error: unknown) => this.#end(error))
      .finally(() => {
        this.#underWay -= 1;
        this.#take();
      });
  }

  #listen(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#connection.resume();
  }

  get #isOver(): boolean {
    return this.#fault !== undefined || this.#connection.isClosed;
  }

  #end(reason: unknown): void {
    if (this.#isOver) return;
    this.#fault = reason instanceof Error ? reason : new Error(messageOf(reason));
    this.#connection.reset();
  }
}
