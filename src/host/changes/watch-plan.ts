/** Which folders of the host are watched for the guest, and how changes are put into messages. */
import { liesIn } from "../../base/words.ts";
import { changedPathsMax, type HostMessage } from "../../protocol/messages.ts";

/** What the host tells of changes. */
export type Changes = Extract<HostMessage, { type: "changes" }>;

/** Changes by kind; a path is in one of them. */
export type ChangeSet = Record<"there" | "gone" | "folders" | "files", Set<string>>;

/** What may be watched: shared folders, but never what the guest must not see. */
export type Bounds = { readonly shared: readonly string[]; readonly hidden: string };

/** A message that tells of nothing. */
export const emptyMessage: Changes = { type: "changes", there: [], gone: [], folders: [], files: [] };

/** Nothing has changed. */
export function noChanges(): ChangeSet {
  return { there: new Set(), gone: new Set(), folders: new Set(), files: new Set() };
}

/**
 * The roots to watch for the bind sources that the guest names: those in a shared folder, none below another one. The
 * guest is not trusted with more than it sees anyway.
 */
export function watchRoots(sources: readonly string[], { shared, hidden }: Bounds): string[] {
  const allowed = sources.filter((path) => shared.some((share) => liesIn(path, share)) && !liesIn(path, hidden));
  return [...new Set(allowed)]
    .filter((path) => !allowed.some((other) => other !== path && liesIn(path, other)))
    .toSorted();
}

/** The messages that tell of changes, none with more paths of a kind than one may have; what is gone comes first. */
export function messagesOf(changes: ChangeSet): Changes[] {
  const of = (kind: keyof ChangeSet): Changes[] => {
    const paths = [...changes[kind]];
    return Array.from({ length: Math.ceil(paths.length / changedPathsMax) }, (_unused, index) => ({
      ...emptyMessage,
      [kind]: paths.slice(index * changedPathsMax, (index + 1) * changedPathsMax),
    }));
  };
  return [...of("gone"), ...of("there"), ...of("folders"), ...of("files")];
}
