/**
 * Packets with descriptors over a pair of sockets (`socketPair`): each arrives whole, and what was sent outlives who
 * sent it. Linux has sockets that do so; on a Mac each packet goes with its length before it, in a stream.
 */
import { type Received, receive, send } from "./descriptors.ts";
import { allocate, type Block, copyMemory } from "./memory.ts";

/** How packets are sent and received, with the arguments and answers of `send` and `receive`. */
export type Packets = { readonly send: typeof send; readonly receive: typeof receive };

/** Packets over a pair of streams. A packet and its length are one message, so that its descriptors come with both. */
export const framed: Packets = {
  send(fd, from, length, fds = []) {
    const { address, view } = (block ??= allocate(blockBytes));
    if (length > blockBytes - lengthBytes) throw new RangeError(`a packet of ${length} bytes`);
    view.setUint32(0, length, true);
    copyMemory(address + lengthBytes, from, length);
    const whole = lengthBytes + length;
    let sent = send(fd, address, whole, fds);
    // Descriptors have gone with the first bytes.
    while (sent > 0 && sent < whole) {
      const more = send(fd, address + sent, whole - sent);
      sent = more < 0 ? more : sent + more;
    }
    return sent < 0 ? sent : length;
  },
  receive(fd, to, length, options = { wait: true }) {
    const { address, view } = (block ??= allocate(blockBytes));
    const first = receive(fd, address, lengthBytes, options);
    if (first.length <= 0) return first;
    // The rest is there, or on its way.
    const head = fill(fd, address, first.length, lengthBytes);
    const size = view.getUint32(0, true);
    if (head <= 0 || size > length) return { length: Math.min(head, 0), fds: first.fds };
    const body = fill(fd, to, 0, size);
    return { length: body <= 0 ? body : size, fds: first.fds };
  },
};

/** Those of this host. */
export const packets: Packets = process.platform === "darwin" ? framed : { send, receive };

// --- internal ---

const lengthBytes = 4;
const blockBytes = 4096;
let block: Block | undefined;

/** Receives up to `end` bytes, of which some may be there. Gives that, 0 at the stream's end, or an error. */
function fill(fd: number, to: number, from: number, end: number): number {
  for (let at = from; at < end;) {
    const { length }: Received = receive(fd, to + at, end - at);
    if (length <= 0) return length;
    at += length;
  }
  return end;
}
