/**
 * A note of the containers that were stopped so that the guest could be suspended. It lies on the disk that has them:
 * they start again also where the agent ended meanwhile, or the guest starts anew instead of going on.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { dataDisk, folderOf } from "../../protocol/disks.ts";
import { readTextIfThere, writeFileAtomically } from "../../system/files.ts";

/** What keeps their ids, in the order in which they were stopped. */
export type StoppedNote = {
  /** None when there is no note. Throws the system's errors. */
  read(): Promise<readonly string[]>;
  /** Without any the note goes. It is on the disk when this resolves. Throws the system's errors. */
  write(ids: readonly string[]): Promise<void>;
};

/** The note of this guest, or the one at `path`. */
export function stoppedNote(path: string = join(folderOf(dataDisk), "stopped-for-suspend")): StoppedNote {
  return {
    async read() {
      const lines = (await readTextIfThere(path))?.split("\n") ?? [];
      return lines.filter((line) => idPattern.test(line));
    },
    async write(ids) {
      if (ids.length === 0) await rm(path, { force: true });
      else await writeFileAtomically(path, `${ids.join("\n")}\n`);
    },
  };
}

// --- internal ---

/** A container's whole id (moby, pkg/stringid). */
const idPattern = /^[0-9a-f]{64}$/;
