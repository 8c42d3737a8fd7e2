/** One request of FUSE from the guest's memory to its answer there. */
import { copyMemory } from "../../../system/kernel/memory.ts";
import { head } from "../node/state-plan.ts";
import * as data from "./operations/data.ts";
import * as folders from "./operations/folders.ts";
import * as names from "./operations/names.ts";
import * as session from "./operations/session.ts";
import * as status from "./operations/status.ts";
import type { ServedShare, UnderWay } from "./served-share.ts";
import type { SlowSync } from "./slow-syncs.ts";
import { errors, op, replyHeader, requestHeader } from "./wire.ts";

/** A request that killed the process so often is answered with an error, and not begun again. */
const attemptsMax = 3;

/** What each request does, and how many bytes of arguments it has at least. */
type Operation = { readonly bytes: number; readonly act: (share: ServedShare) => number };

const operations: Readonly<Record<number, Operation>> = {
  [op.lookup]: { bytes: 2, act: names.lookup },
  [op.forget]: { bytes: 8, act: session.forget },
  [op.getattr]: { bytes: 16, act: status.getattr },
  [op.setattr]: { bytes: 88, act: status.setattr },
  [op.readlink]: { bytes: 0, act: status.readlink },
  [op.symlink]: { bytes: 4, act: names.symlink },
  [op.mknod]: { bytes: 18, act: names.mknod },
  [op.mkdir]: { bytes: 10, act: names.mkdir },
  [op.unlink]: { bytes: 2, act: names.unlink },
  [op.rmdir]: { bytes: 2, act: names.rmdir },
  [op.rename]: { bytes: 12, act: names.rename },
  [op.rename2]: { bytes: 20, act: names.rename2 },
  [op.link]: { bytes: 10, act: names.link },
  [op.open]: { bytes: 8, act: data.open },
  [op.read]: { bytes: 40, act: data.read },
  [op.write]: { bytes: 40, act: data.write },
  [op.statfs]: { bytes: 0, act: status.statfs },
  [op.release]: { bytes: 8, act: data.release },
  [op.releasedir]: { bytes: 8, act: data.release },
  [op.fsync]: { bytes: 12, act: data.fsync },
  [op.fsyncdir]: { bytes: 12, act: data.fsyncdir },
  [op.setxattr]: { bytes: 10, act: status.setxattr },
  [op.getxattr]: { bytes: 10, act: status.getxattr },
  [op.listxattr]: { bytes: 8, act: status.listxattr },
  [op.removexattr]: { bytes: 2, act: status.removexattr },
  [op.flush]: { bytes: 0, act: data.flush },
  [op.init]: { bytes: 16, act: session.init },
  [op.opendir]: { bytes: 8, act: folders.opendir },
  [op.readdir]: { bytes: 20, act: folders.readdir },
  [op.readdirplus]: { bytes: 20, act: folders.readdirplus },
  [op.create]: { bytes: 18, act: names.create },
  [op.tmpfile]: { bytes: 16, act: names.tmpfile },
  [op.destroy]: { bytes: 0, act: session.destroy },
  [op.batchForget]: { bytes: 8, act: session.batchForget },
  [op.fallocate]: { bytes: 28, act: data.fallocate },
  [op.lseek]: { bytes: 20, act: data.lseek },
  [op.copyFileRange]: { bytes: 56, act: data.copyFileRange },
  [op.syncfs]: { bytes: 0, act: status.syncfs },
};

/** Requests that nobody waits for. */
const unanswered: ReadonlySet<number> = new Set([op.forget, op.batchForget, op.interrupt]);

/**
 * Serves the request in `share.readable`, which has the number `place` in its ring, and writes its answer to
 * `share.writable`. Gives how many bytes that are, or nothing when the answer comes later. A request that a killed
 * process had begun is done once: what it left is in the state.
 */
export function serve(share: ServedShare, ring: number, place: number): number | undefined {
  const { call, readable, words } = share;
  if (readable.total < requestHeader) return 0;
  copyIn(share, 2 * requestHeader);
  if (call.opcode !== op.write) copyIn(share, share.request.bytes.length);
  const before = takeUnderWay(share);
  if (before?.written !== undefined) return before.written;
  share.isAgain = before !== undefined;
  const attempts = (before?.attempts ?? 0) + 1;
  words[head.answered] = 0;
  words[head.uniqueLow] = call.uniqueLow;
  words[head.uniqueHigh] = call.uniqueHigh;
  words[head.attempts] = attempts;
  share.steps += 1;
  share.isDirect = false;
  share.isLater = false;
  share.origin = { ring, head: place };
  const result = attempts > attemptsMax ? errors.EIO : outcomeOf(share);
  share.descriptors.endRequest();
  if (share.isLater) return undefined;
  const written = unanswered.has(call.opcode) ? 0 : answer(share, call.uniqueLow, call.uniqueHigh, result);
  words[head.written] = written;
  words[head.answered] = 1;
  return written;
}

/** Writes the answer to a request of fsync that was put aside, and gives how many bytes that are. */
export function answerSync(share: ServedShare, { uniqueLow, uniqueHigh }: SlowSync, result: number): number {
  share.isDirect = false;
  return answer(share, uniqueLow, uniqueHigh, result);
}

// --- internal ---

/** What a killed process did with this very request; nothing for every other one. */
function takeUnderWay(share: ServedShare): UnderWay | undefined {
  const { underWay, call } = share;
  if (underWay?.uniqueLow !== call.uniqueLow || underWay.uniqueHigh !== call.uniqueHigh) return undefined;
  share.underWay = undefined;
  return underWay;
}

function outcomeOf(share: ServedShare): number {
  const { call } = share;
  const operation = operations[call.opcode];
  if (operation === undefined) return errors.ENOSYS;
  if (!call.has(operation.bytes) || share.request.view.getUint32(0, true) > share.readable.total) return errors.EINVAL;
  if (share.words[head.isInitialized] !== 1 && call.opcode !== op.init) return errors.EIO;
  return operation.act(share);
}

/** Copies the request's first bytes, so that the guest cannot change what was checked. */
function copyIn(share: ServedShare, bytesMax: number): void {
  let at = 0;
  share.readable.each(0, Math.min(bytesMax, share.request.bytes.length), (address, length) => {
    copyMemory(share.request.address + at, address, length);
    at += length;
  });
  share.call.length = at;
}

/** Writes head and answer; what was read directly lies behind the head already. */
function answer(share: ServedShare, uniqueLow: number, uniqueHigh: number, result: number): number {
  const { writable, reply, isDirect } = share;
  if (writable.total < replyHeader) return 0;
  const fits = result >= 0 && result <= writable.total - replyHeader;
  const error = result < 0 ? result : fits ? 0 : errors.EIO;
  const length = replyHeader + (error === 0 ? result : 0);
  reply.view.setUint32(0, length, true);
  reply.view.setInt32(4, error, true);
  reply.view.setUint32(8, uniqueLow, true);
  reply.view.setUint32(12, uniqueHigh, true);
  let at = 0;
  writable.each(0, isDirect ? replyHeader : length, (address, size) => {
    copyMemory(address, reply.address + at, size);
    at += size;
  });
  return length;
}
