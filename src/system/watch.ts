/** The door to file watching: wait until something in a folder comes, goes or grows. */
import { watch } from "node:fs";

/** A folder that is watched until disposed of. */
export type FolderWatch = Disposable & {
  /** Resolves when something has changed since the last call, or since the watch began. */
  changed(): Promise<void>;
};

/** Starts watching `folder`, not what is below its own folders. Throws the system's error when it is not there. */
export function watchFolder(folder: string): FolderWatch {
  let next = Promise.withResolvers<void>();
  const watcher = watch(folder, () => next.resolve());
  // A folder that goes away counts as a change: whoever waits looks again and finds out.
  watcher.on("error", () => next.resolve());
  return {
    async changed() {
      await next.promise;
      next = Promise.withResolvers<void>();
    },
    [Symbol.dispose]: () => watcher.close(),
  };
}

/** Calls `onChange` whenever the file `name` in `folder` comes, goes or grows, until closed. */
export function watchFile(folder: string, name: string, onChange: () => void): { close(): void } {
  const watcher = watch(folder, (_event, changed) => {
    if (changed === name) onChange();
  });
  watcher.on("error", () => onChange());
  return { close: () => watcher.close() };
}
