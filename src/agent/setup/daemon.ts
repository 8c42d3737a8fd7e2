/** The user's part of Docker's daemon.json: laid over the guest's own before dockerd starts, until the guest stops. */
import type { Boot } from "../../protocol/messages.ts";
import { readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import { bindMount } from "../../system/kernel/libc.ts";
import { mountTable } from "../../system/mount-table.ts";
import { sayAsError } from "../../system/standard-error.ts";

/** Where dockerd reads its settings, and where the merged ones are: /run, so that each boot begins with the image's. */
const files = { own: "/etc/docker/daemon.json", merged: "/run/qn/daemon.json" };

/**
 * Shows dockerd the guest's daemon.json with `more` on top, by a mount over the file. Mappings are merged key by key,
 * all else is replaced. Does nothing when there is nothing more, when it is done already, and in a guest without the
 * file.
 */
export async function extendDaemon(
  more: Boot["daemon"],
  { own, merged }: Readonly<typeof files> = files,
): Promise<void> {
  if (more === undefined || Object.keys(more).length === 0) return;
  if (mountTable().some(({ target }) => target === own)) return;
  const text = await readTextIfThere(own);
  // NixOS has its daemon.json elsewhere, made from the system's configuration, which is the place for more of it.
  if (text === undefined) return sayAsError(`There is no ${own}: docker.daemon changes nothing.\n`);
  const settings: unknown = JSON.parse(text);
  await writeFileAtomically(merged, `${JSON.stringify(merge(settings, more), undefined, 2)}\n`, 0o644);
  bindMount(merged, own);
}

// --- internal ---

function merge(under: unknown, over: unknown): unknown {
  if (!isMapping(under) || !isMapping(over)) return over;
  const names = [...new Set([...Object.keys(under), ...Object.keys(over)])];
  return Object.fromEntries(names.map((name) => [name, name in over ? merge(under[name], over[name]) : under[name]]));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
