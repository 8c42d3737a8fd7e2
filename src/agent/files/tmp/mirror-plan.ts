/** Which bind mounts make an entry of the guest's /tmp the host's: planned here, made in mirror.ts. */

/** A file or folder, told apart from all others that had or will have its name. */
export type Entry = { readonly kind: "file" | "folder" | "other"; readonly id: string };

/** One entry of /tmp: what the host has, what the guest has, and whether the guest's is a mount of ours. */
export type EntryState = {
  readonly host: Entry | undefined;
  readonly guest: Entry | undefined;
  readonly mounted: boolean;
};

/** What to do, in this order, with an entry's path. */
export type Step = "unmount" | "make-folder" | "make-file" | "remove-mount-point" | "bind";

/**
 * The steps that make the guest's entry the host's. Nothing when it is so already; a mount that still shows what the
 * host has since replaced or deleted is taken away first. An entry that only the guest has is its own and stays.
 */
export function planEntry({ host, guest, mounted }: EntryState): Step[] {
  if (host === undefined || host.kind === "other") return mounted ? ["unmount", "remove-mount-point"] : [];
  if (mounted && guest?.id === host.id) return [];
  const make: Step = host.kind === "folder" ? "make-folder" : "make-file";
  if (mounted) return ["unmount", "remove-mount-point", make, "bind"];
  if (guest?.kind === host.kind) return ["bind"];
  // A mount point of the wrong kind is in the way only when it is empty; what the guest put there itself is kept, and
  // "make" then fails with the path in its message.
  return guest === undefined ? [make, "bind"] : ["remove-mount-point", make, "bind"];
}
