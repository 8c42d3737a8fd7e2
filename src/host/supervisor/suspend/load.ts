/** Starts a QEMU with a saved state in it, in the quickest way that it knows. */
import { closeSync, openSync, readSync } from "node:fs";
import { rm } from "node:fs/promises";
import { compareVersions } from "../../../base/words.ts";
import type { VmPaths } from "../../layout.ts";
import type { VmSpec } from "../../qemu/args.ts";
import { loadFrom } from "../../qmp/migrate.ts";
import type { Qemu } from "../boot/qemu.ts";
import { firstInherited } from "../../qemu/memory.ts";
import { newGuestMemory } from "../boot/guest-memory.ts";
import { loadMemory } from "./memory.ts";
import { type Head, headBytes, memoryAt } from "./state.ts";
import { checkStream, sendStream } from "./stream.ts";

/** Starts a QEMU that waits for a state, and has these descriptors from 3 on. */
export type Launch = (inherited: readonly number[]) => Promise<Qemu>;

/** A saved state: its file, the socket by which it can be sent, and the words of the QEMU that goes on from it. */
export type SavedState = Pick<VmPaths, "suspended" | "suspendSocket"> &
  Pick<Head, "stream" | "memory"> & { readonly argv: readonly string[] };

/**
 * A QEMU of this version whose guest stands still as it was saved. Throws QEMU_FAILED when there is no way, or the
 * state is not what was written; no QEMU is left then.
 */
export async function loadedQemu(
  saved: SavedState,
  { qemu, throwaway, memoryMiB }: Pick<VmSpec, "qemu" | "throwaway" | "memoryMiB">,
  launch: Launch,
  signal: AbortSignal,
): Promise<Qemu> {
  const [first, ...others] = waysFor(qemu.version);
  // Each with memory of its own: whoever has failed may have written to it.
  const by = async (way: Way): Promise<Qemu> => {
    const memory = newGuestMemory(saved.argv, memoryMiB);
    const isMemoryAside = memory.length > 0 || throwaway !== undefined;
    const filled: Launch = async (inherited) => await launchFilled(saved, memory, launch, inherited);
    try {
      return await way({ ...saved, isMemoryAside, stateFd: firstInherited + memory.length }, filled);
    } finally {
      memory.forEach((fd) => closeSync(fd));
    }
  };
  try {
    return await by(first);
  } catch (error) {
    const [second] = others;
    if (second === undefined || signal.aborted) throw error;
    return await by(second);
  }
}

// --- internal ---

/** `isMemoryAside` when the guest's memory is not in the stream; `stateFd` is the number of what QEMU inherits. */
type Saved = SavedState & { readonly isMemoryAside: boolean; readonly stateFd: number };

type Way = (saved: Saved, launch: Launch) => Promise<Qemu>;

/** Fills the memory while QEMU starts. None is left when one of the two fails, and nobody writes any more. */
async function launchFilled(
  saved: SavedState,
  memory: readonly number[],
  launch: Launch,
  inherited: readonly number[],
): Promise<Qemu> {
  const [fd] = memory;
  const fill = async (): Promise<void> => {
    if (fd !== undefined && saved.memory !== undefined)
      await loadMemory(saved.suspended, memoryAt(saved), saved.memory, fd);
  };
  const [qemu, filled] = await Promise.allSettled([launch([...memory, ...inherited]), fill()]);
  if (qemu.status === "rejected") throw qemu.reason;
  if (filled.status === "fulfilled") return qemu.value;
  await qemu.value.kill();
  throw filled.reason;
}

/**
 * QEMU reads a file itself two to three times as quickly as it takes its bytes from a socket. A descriptor of a plain
 * file is what older ones know; it is deprecated since 9.1 (docs/about/deprecated.rst), and `file:`, with an offset, is
 * there since 8.2 (docs/devel/migration/main.rst). Newer ones were not to be had here, so what every QEMU knows is
 * behind it.
 */
function waysFor(version: string): readonly [Way, ...Way[]] {
  return compareVersions(version, "9.1.0") < 0 ? [byDescriptor] : [byPath, bySocket];
}

async function byDescriptor(saved: Saved, launch: Launch): Promise<Qemu> {
  const file = openSync(saved.suspended, "r");
  let qemu: Qemu;
  try {
    // It reads from where the file stands.
    readSync(file, Buffer.alloc(headBytes));
    qemu = await launch([file]);
  } finally {
    closeSync(file);
  }
  return await loaded(qemu, `fd:${saved.stateFd}`, saved, () => checkStream(saved.suspended, saved.stream));
}

async function byPath(saved: Saved, launch: Launch): Promise<Qemu> {
  const { suspended, stream } = saved;
  const uri = `file:${suspended},offset=${headBytes}`;
  return await loaded(await launch([]), uri, saved, () => checkStream(suspended, stream));
}

async function bySocket(saved: Saved, launch: Launch): Promise<Qemu> {
  const { suspended, suspendSocket, stream } = saved;
  const qemu = await launch([]);
  await rm(suspendSocket, { force: true });
  try {
    return await loaded(qemu, `unix:${suspendSocket}`, saved, () => sendStream(suspended, suspendSocket, stream));
  } finally {
    await rm(suspendSocket, { force: true });
  }
}

/** The same QEMU, once it has loaded what is at `uri`; it is gone when that fails. */
async function loaded(qemu: Qemu, uri: string, { isMemoryAside }: Saved, beside: () => Promise<void>): Promise<Qemu> {
  try {
    await loadFrom(qemu.qmp, uri, beside, isMemoryAside);
    return qemu;
  } catch (error) {
    await qemu.kill();
    throw error;
  }
}
