/** Speaks QMP over one socket: greeting, commands with deadlines, events, and the end. */
import { dirname } from "node:path";
import { QnError, messageOf } from "../../base/errors.ts";
import { LineReader } from "../../protocol/frame.ts";
import { after, pause, within } from "../../system/clock.ts";
import { type Connection, connect } from "../../system/net/connection.ts";
import { isErrno } from "../../system/errno.ts";
import { tracers } from "../../system/trace.ts";
import { watchFolder } from "../../system/watch.ts";
import { type QmpEvent, type QmpMessage, commandLine, parseMessage } from "./wire.ts";

/** How long QEMU may take for the greeting and for each command: all are answered at once unless QEMU hangs. */
const answerDeadlineMs = 10_000;

/** Between two knocks at a socket that is there and refuses. */
const knockMs = 20;

/** One conversation with QEMU's monitor. QEMU serves one at a time: a second one waits for the first to end. */
export type QmpClient = AsyncDisposable & {
  /** QEMU's version, from its greeting. */
  readonly version: string;
  /**
   * Runs one command and gives back what it returns. Throws QEMU_FAILED when QEMU refuses, does not answer in
   * `deadlineMs`, or ends the conversation first.
   */
  execute(command: string, args?: Readonly<Record<string, unknown>>, options?: QmpDeadline): Promise<unknown>;
  /**
   * Calls `listener` for each event from now on; the function that it gives back ends that. The first listener also
   * gets what came before it: a guest that is quicker than this process rings only once.
   */
  onEvent(listener: (event: QmpEvent) => void): () => void;
  /** Resolves, never rejects, when the conversation is over; with the reason unless this side ended it. */
  readonly closed: Promise<QnError | undefined>;
};

/** How long to wait, in milliseconds. */
export type QmpDeadline = { readonly deadlineMs?: number };

/**
 * Connects to the monitor at `socketPath` and negotiates. Throws QEMU_FAILED when nobody listens there or the greeting
 * does not come in `deadlineMs`, PROTOCOL when what answers is not QMP.
 */
export async function connectQmp(socketPath: string, options: QmpDeadline = {}): Promise<QmpClient> {
  const { deadlineMs = answerDeadlineMs } = options;
  const connection = await connect({ unix: socketPath }).catch((cause: unknown) => {
    throw new QnError("QEMU_FAILED", `No QEMU listens at ${socketPath}.`, { cause });
  });
  const conversation = new Conversation(connection);
  try {
    const late = (): Error =>
      new QnError("QEMU_FAILED", `QEMU's monitor at ${socketPath} gives no greeting for ${deadlineMs} ms.`);
    const version = await within(conversation.greeted, deadlineMs, late);
    await conversation.execute("qmp_capabilities", undefined, { deadlineMs });
    return Object.assign(conversation, { version });
  } catch (error) {
    await conversation[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Connects as soon as a QEMU that was just started listens at `socketPath`. Throws QEMU_FAILED after `deadlineMs`, and
 * at once when `signal` fires because that QEMU has ended; whatever else connectQmp throws.
 */
export async function awaitQmp(
  socketPath: string,
  options: QmpDeadline & { readonly signal?: AbortSignal } = {},
): Promise<QmpClient> {
  const { deadlineMs = answerDeadlineMs, signal } = options;
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  // Nobody may be waiting at the moment that it is given up.
  givenUp.catch(() => {});
  const giveUp = (): void => reject(new QnError("QEMU_FAILED", "QEMU ended before its monitor answered."));
  const timer = after(deadlineMs, () =>
    reject(new QnError("QEMU_FAILED", `No QEMU listens at ${socketPath} after ${deadlineMs} ms.`)),
  );
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted === true) giveUp();
  using folder = watchFolder(dirname(socketPath));
  try {
    for (;;) {
      try {
        return await orGiveUp(connectQmp(socketPath, { deadlineMs }), givenUp);
      } catch (error) {
        const why = nobodyListens(error);
        if (why === undefined) throw error;
        // A socket that refuses is one that QEMU has bound and not yet listens on, microseconds later, or one that a
        // killed QEMU left; of neither step there need be a sign in the folder. One that is not there yet gives a sign.
        await Promise.race([why === "ECONNREFUSED" ? pause(knockMs) : folder.changed(), givenUp]);
      }
    }
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

// --- internal ---

type Pending = { readonly command: string; resolve(value: unknown): void; reject(error: QnError): void };

/** The socket's owner: matches replies to commands by id, hands out events, and ends everything when it ends. */
class Conversation {
  readonly greeted: Promise<string>;
  readonly closed: Promise<QnError | undefined>;
  readonly #connection: Connection;
  readonly #reader = new LineReader();
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #early: QmpEvent[] | undefined = [];
  readonly #greeting = Promise.withResolvers<string>();
  readonly #closing = Promise.withResolvers<QnError | undefined>();
  #over = false;
  #lastId = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.greeted = this.#greeting.promise;
    this.closed = this.#closing.promise;
    // Nobody may be waiting for the greeting any more when the conversation ends.
    this.greeted.catch(() => {});
    const onGone = (): void => this.#end(gone());
    connection.take({ onData: (bytes) => this.#read(bytes), onEnd: onGone, onClose: onGone });
  }

  async execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    { deadlineMs = answerDeadlineMs }: QmpDeadline = {},
  ): Promise<unknown> {
    if (this.#over) throw unanswered(command, "its monitor is closed");
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { command, resolve, reject });
    const line = commandLine(id, command, args);
    tracers.qmp?.("->", line);
    this.#connection.write(line);
    try {
      return await within(promise, deadlineMs, () => unanswered(command, `nothing came for ${deadlineMs} ms`));
    } finally {
      this.#pending.delete(id);
    }
  }

  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) listener(event);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(undefined);
    await this.closed;
  }

  #read(bytes: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#reader.push(bytes);
      for (let line = this.#reader.next(); line !== undefined; line = this.#reader.next()) {
        tracers.qmp?.("<-", line);
        this.#take(parseMessage(line));
      }
    } catch (error) {
      const reason = error instanceof QnError ? error : new QnError("BUG", messageOf(error), { cause: error });
      this.#end(reason, reason);
    }
  }

  #take(message: QmpMessage): void {
    switch (message.type) {
      case "greeting":
        return this.#greeting.resolve(message.version);
      case "event":
        this.#early?.push(message.event);
        for (const listener of this.#listeners) listener(message.event);
        return;
      case "reply":
        return this.#pending.get(message.id)?.resolve(message.value);
      case "refusal": {
        const pending = message.id === undefined ? undefined : this.#pending.get(message.id);
        const what = pending?.command ?? "a command";
        const refusal = new QnError("QEMU_FAILED", `QEMU refuses ${what}: ${message.reason}`);
        // Without an id QEMU could not even read the line: nothing that is pending can be trusted to be answered.
        if (message.id === undefined) throw refusal;
        return pending?.reject(refusal);
      }
    }
  }

  /** Ends everything; `fault` is what is wrong with the conversation itself, for those who wait in it. */
  #end(reason: QnError | undefined, fault?: QnError): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.reset();
    this.#greeting.reject(reason ?? gone());
    for (const pending of this.#pending.values()) {
      const { command } = pending;
      pending.reject(fault ?? unanswered(command, "its monitor closed the connection"));
    }
    this.#closing.resolve(reason);
  }
}

async function orGiveUp(attempt: Promise<QmpClient>, givenUp: Promise<never>): Promise<QmpClient> {
  let taken = false;
  try {
    const client = await Promise.race([attempt, givenUp]);
    taken = true;
    return client;
  } finally {
    if (!taken) attempt.then((late) => late[Symbol.asyncDispose]()).catch(() => {});
  }
}

function gone(): QnError {
  return new QnError("QEMU_FAILED", "QEMU's monitor closed the connection.");
}

function unanswered(command: string, why: string): QnError {
  return new QnError("QEMU_FAILED", `QEMU does not answer ${command}: ${why}.`);
}

/** Why nobody listens, in errno's words; nothing when that is not what went wrong. */
function nobodyListens(error: unknown): "ENOENT" | "ECONNREFUSED" | undefined {
  const cause = error instanceof QnError ? error.cause : undefined;
  return (["ENOENT", "ECONNREFUSED"] as const).find((code) => isErrno(cause, code));
}
