/**
 * Relays one connection through another (a proxy): in frames, in both directions, with backpressure and half-close.
 */
import type { Connection, Handlers } from "./connection.ts";

/** How bytes travel: what `protocol/piece.ts` offers, so that this door needs no room above it. */
export type Marks = {
  /** Some bytes as they travel, to be written one after the other. */
  encode(bytes: Uint8Array): readonly Uint8Array[];
  /** The end of a direction as it travels. */
  readonly end: Uint8Array;
  /** Takes apart what comes; `isOver` once the end has come. Throws for what cannot be. */
  reader(): MarkReader;
};

/** What takes a stream apart; `rest` is what came behind its end, together with it. */
type MarkReader = {
  push(bytes: Uint8Array): readonly Uint8Array[];
  readonly isOver: boolean;
  readonly rest: Uint8Array;
};

/** What is told of a carried connection. */
export type CarryObserver = {
  /** Bytes as they pass, without their marks. */
  readonly onBytes?: (fromOuter: number, fromInner: number) => void;
  /** What the outer side says, before it passes on. */
  readonly onOuterData?: (bytes: Uint8Array) => void;
  /** Called once when both connections are closed, or the outer one is and the inner one was kept. */
  readonly onDone?: () => void;
  /**
   * Asked once, when both directions have ended with their marks: who takes the inner connection then, with what came
   * behind the end. Without it the connection ends.
   */
  readonly keeper?: () => ((rest: Uint8Array) => void) | undefined;
  /**
   * Whether the outer side is a server's. One that closes its socket whole has said all that it has to say, and its
   * client may be long in taking it: the stream is over once the client has ended too, as between two sockets of one
   * kernel. A client that closes its socket whole wants no answer any more, and its stream breaks off.
   */
  readonly isServer?: boolean;
};

/**
 * Joins `outer`, whose bytes are plain, to `inner`, on which they travel with marks, until both are done. A direction
 * that ends is marked so and the other one goes on; the connection between stays whole, so nothing on its way has to
 * understand half a close. Whatever ends without its mark was broken off, and resets the outer side. Once both
 * directions have ended no byte of the stream can be on its way any more, and `inner` may be kept for another one.
 * Gives back what takes bytes that have come from `inner` already; both connections may be paused until it has been
 * fed.
 */
export function carry(
  outer: Connection,
  inner: Connection,
  marks: Marks,
  observer: CarryObserver = {},
): (bytes: Uint8Array) => void {
  const stream: Stream = {
    outer,
    inner,
    marks,
    observer,
    reader: marks.reader(),
    settle: onceAllClosed([outer, inner], observer.onDone),
    isOuterOver: false,
    isBroken: false,
  };
  const outward = handlersOfOuter(stream);
  const inward = handlersOfInner(stream);
  outer.take({ ...outward, onDrain: () => inner.resume() });
  inner.take({ ...inward, onDrain: () => outer.resume() });
  if (outer.isClosed) outward.onClose(undefined);
  if (inner.isClosed) inward.onClose();
  return inward.onData;
}

// --- internal ---

/** A connection that is carried, as far as it has come. */
type Stream = {
  readonly outer: Connection;
  readonly inner: Connection;
  readonly marks: Marks;
  readonly observer: CarryObserver;
  readonly reader: MarkReader;
  /** Called as each of the two is closed, or kept. */
  readonly settle: () => void;
  /** The outer side has ended its direction. */
  isOuterOver: boolean;
  /** The outer side was reset, as the stream broke off. */
  isBroken: boolean;
};

function handlersOfOuter(stream: Stream) {
  const { outer, inner, marks, observer, reader, settle } = stream;
  const onEnd = (): void => {
    if (stream.isOuterOver) return;
    stream.isOuterOver = true;
    inner.write(marks.end);
    finish(stream);
  };
  return {
    onData(bytes) {
      observer.onBytes?.(bytes.length, 0);
      observer.onOuterData?.(bytes);
      if (!writeAll(inner, marks.encode(bytes))) outer.pause();
    },
    onEnd,
    onClose(error) {
      const isInOrder = error === undefined && !stream.isBroken;
      // Bun tells of an end that closes the socket by this alone.
      if (isInOrder) onEnd();
      // Nobody takes the other direction any more: what there may still be of it is its end.
      if (isInOrder && observer.isServer === true) inner.resume();
      else if (!stream.isOuterOver || !reader.isOver) abandon(inner);
      settle();
    },
  } satisfies Handlers;
}

function handlersOfInner(stream: Stream) {
  const { outer, inner, observer, reader, settle } = stream;
  const breakOuter = (): void => {
    stream.isBroken = true;
    outer.reset();
  };
  const onData = (bytes: Uint8Array): void => {
    if (outer.isClosed && !isAwaitingEnd(stream)) return inner.reset();
    try {
      const own = reader.push(bytes);
      if (reader.rest.length > 0 && !stream.isOuterOver) throw new Error("Bytes came behind the end of a stream.");
      // As a socket that is closed whole: whoever sends more has a broken stream, after all that was sent to him.
      if (outer.isClosed && own.length > 0) return abandon(inner);
      observer.onBytes?.(
        0,
        own.reduce((sum, part) => sum + part.length, 0),
      );
      if (!writeAll(outer, own)) inner.pause();
    } catch {
      breakOuter();
      return inner.reset();
    }
    if (!reader.isOver) return;
    // Nothing is held back any more; what is left to hear is that the other side lets go, or asks for the next stream.
    inner.resume();
    outer.end();
    finish(stream);
  };
  const breakUnlessOver = (): void => {
    if (!reader.isOver || !stream.isOuterOver) breakOuter();
  };
  return {
    onData,
    onEnd() {
      breakUnlessOver();
      inner.end();
    },
    onClose() {
      breakUnlessOver();
      settle();
    },
  } satisfies Handlers;
}

/** Whether the outer side has closed in order, and all that is left to hear is the end of the other direction. */
function isAwaitingEnd({ observer, isOuterOver, isBroken }: Stream): boolean {
  return observer.isServer === true && isOuterOver && !isBroken;
}

/** Once both directions have ended the inner connection ends too, or is somebody else's. */
function finish({ outer, inner, reader, observer, settle, isOuterOver }: Stream): void {
  if (!isOuterOver || !reader.isOver) return;
  const keeper = observer.keeper?.();
  if (keeper === undefined || inner.isClosed) return inner.end();
  // The outer side may still be taking its last bytes; nothing of it reaches the inner one again.
  outer.take({ onClose: settle });
  inner.take({});
  settle();
  keeper(reader.rest);
}

/** Writes all of them in order; false when some wait for the kernel. */
function writeAll(connection: Connection, parts: readonly Uint8Array[]): boolean {
  return parts.map((part) => connection.write(part)).every(Boolean);
}

/**
 * Ends `inner` without the mark: what has been written still arrives, which a reset could overtake, and then the other
 * side resets its own. Whoever still sends is reset at once, so that nobody waits on a direction that nobody reads.
 */
function abandon(inner: Connection): void {
  inner.amend({ onData: () => inner.reset() });
  inner.end();
  inner.resume();
}

function onceAllClosed(connections: readonly Connection[], onDone: () => void = () => {}): () => void {
  let open = connections.length;
  return () => {
    open -= 1;
    if (open === 0) onDone();
  };
}
