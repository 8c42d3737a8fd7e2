/** Requests about the session: what both sides speak, and what the guest has forgotten. */
import { head } from "../../node/state-plan.ts";
import type { ServedShare } from "../served-share.ts";
import { dataMax, errors, init as flag, pagesMax, replyHeader, version } from "../wire.ts";

/** FUSE_MAX_PAGES and the rest that is taken where the guest has it. */
const taken =
  flag.asyncRead |
  flag.atomicTruncate |
  flag.bigWrites |
  flag.readdirplus |
  flag.readdirplusAuto |
  flag.autoInvalidate |
  flag.parallelFolders |
  flag.maxPages |
  flag.cacheLinks |
  flag.killPrivilegesV2;

const initBytes = 64;
const backgroundMax = 64;

/** The beginning: the version, and what either side can. */
export function init(share: ServedShare): number {
  const { call, words } = share;
  const { view, bytes } = share.reply;
  bytes.fill(0, replyHeader, replyHeader + initBytes);
  view.setUint32(replyHeader, version.major, true);
  view.setUint32(replyHeader + 4, version.minor, true);
  // A newer kernel asks again with what it is told.
  if (call.u32(0) > version.major) return initBytes;
  if (call.u32(0) < version.major || call.u32(4) < version.oldestMinor) return errors.EIO;
  const flags = call.u32(12) & taken;
  view.setUint32(replyHeader + 8, call.u32(8), true);
  view.setUint32(replyHeader + 12, flags, true);
  view.setUint16(replyHeader + 16, backgroundMax, true);
  view.setUint16(replyHeader + 18, (backgroundMax / 4) * 3, true);
  view.setUint32(replyHeader + 20, dataMax, true);
  view.setUint32(replyHeader + 24, 1, true);
  view.setUint16(replyHeader + 28, pagesMax, true);
  // A guest that starts again has forgotten all.
  share.forgetAll();
  words[head.fuseFlags] = flags;
  words[head.isInitialized] = 1;
  return initBytes;
}

/** The guest unmounts. */
export function destroy(): number {
  return 0;
}

/** The guest forgets a file. */
export function forget(share: ServedShare): number {
  forgetOne(share, share.call.nodeLow, share.call.nodeHigh, share.call.u64(0));
  return 0;
}

/** The guest forgets many at once. */
export function batchForget(share: ServedShare): number {
  const { call } = share;
  const count = call.u32(0);
  for (let index = 0; index < count && call.has(8 + 16 * (index + 1)); index += 1) {
    const at = 8 + 16 * index;
    forgetOne(share, call.u32(at), call.u32(at + 4), call.u64(at + 8));
  }
  return 0;
}

// --- internal ---

function forgetOne(share: ServedShare, low: number, high: number, lookups: number): void {
  const slot = share.nodes.slotOf(low, high);
  if (slot !== 0) share.nodes.forget(slot, lookups, share.onGone);
}
