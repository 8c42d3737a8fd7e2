/** Backpressure for what takes long: done beside the conversation, which waits only when too much is under way. */
import type { HostMessage } from "../../protocol/messages.ts";

/** What the host tells of the folders that it watches. */
type Changes = Extract<HostMessage, { type: "changes" }>;

/** What changes may wait to be taken, in bytes; some hundred thousand files. */
const waitingBytesMax = 32 * 1024 ** 2;

/** Changes that are being taken, in bytes. */
export class Backlog {
  #waitingBytes = 0;
  #room = Promise.withResolvers<void>();

  /**
   * Counts `changes` until `work`, which takes them, has ended. What it gives back, if anything, resolves once there is
   * room for more. `onFailed` hears why `work` has failed.
   */
  add(changes: Changes, work: Promise<void>, onFailed: (error: unknown) => void): Promise<void> | undefined {
    const bytes = costOf(changes);
    this.#waitingBytes += bytes;
    void work.catch(onFailed).finally(() => this.#onTaken(bytes));
    return this.#hasRoom ? undefined : this.#room.promise;
  }

  get #hasRoom(): boolean {
    return this.#waitingBytes <= waitingBytesMax;
  }

  #onTaken(bytes: number): void {
    this.#waitingBytes -= bytes;
    if (!this.#hasRoom) return;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}

// --- internal ---

/** A short path takes more memory than its letters. */
function costOf({ gone, there, folders, files }: Changes): number {
  return [gone, there, folders, files].flat().reduce((sum, path) => sum + path.length + 256, 256);
}
