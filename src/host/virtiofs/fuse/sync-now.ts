/** What is to be on the disk, where this process has to open it for somebody else, or to do it itself. */
import { closeFd, O_DIRECTORY, reopenFd, syncFd, syncFileSystem } from "../../../system/kernel/file-calls.ts";
import type { ServedShare } from "./served-share.ts";
import { type SlowSync, syncKind } from "./slow-syncs.ts";

/**
 * Lends `use` what a request is about, or an error's number below zero. Nothing for a file: who holds the share has it
 * open.
 */
export function lendSynced(share: ServedShare, { kind, handle }: SlowSync, use: (fd?: number) => void): void {
  if (kind === syncKind.file || kind === syncKind.fileData) return use();
  if (kind !== syncKind.all) return use(share.handleFd(handle));
  const fd = reopenFd(share.root, O_DIRECTORY);
  use(fd);
  if (fd >= 0) closeFd(fd);
}

/** Does in this process what nobody else can, and gives 0 or an error's number. */
export function syncNow(share: ServedShare, sync: SlowSync): number {
  const { kind, handle } = sync;
  const isDataOnly = kind === syncKind.fileData || kind === syncKind.folderData;
  let result = 0;
  lendSynced(share, sync, (fd = share.handleFd(handle)) => {
    if (fd < 0) result = fd;
    else result = kind === syncKind.all ? syncFileSystem(fd) : syncFd(fd, isDataOnly);
  });
  return result;
}
