/**
 * The VM's own store of the firmware's variables. An empty one costs the firmware about a second of an emulated boot,
 * so a store is used again, but only one that a guest has come up with: whatever else is in it is not looked at.
 */
import { open, rm, stat } from "node:fs/promises";
import { copySparse, isThere, readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import type { VmPaths } from "../../layout.ts";
import type { Firmware } from "../../qemu/platforms.ts";

/**
 * Makes the store ready for a boot of this firmware from the image with that hash: the one there is, when a guest has
 * come up with it from the same two, or a copy of the template. Until `keepFirmwareStore` it counts as untried, so that
 * a store with which no boot succeeds is used once.
 */
export async function readyFirmwareStore(paths: VmPaths, { code, vars }: Firmware, imageSha256: string): Promise<void> {
  if (vars === undefined) return;
  const origin = [await fileWords(code), await fileWords(vars.template), imageSha256].join("\n");
  const isTrusted = (await isThere(paths.firmwareVars)) && (await readTextIfThere(originOf(paths))) === tried + origin;
  await writeFileAtomically(originOf(paths), untried + origin);
  if (!isTrusted) await makeStore(vars.template, paths.firmwareVars);
}

/** A boot without firmware has no store: none is kept that such a boot would seem to have tried. */
export async function dropFirmwareStore(paths: VmPaths): Promise<void> {
  for (const path of [originOf(paths), paths.firmwareVars]) await rm(path, { force: true });
}

/** A guest has come up: its store is good for the next boot. The firmware has written all that it writes by then. */
export async function keepFirmwareStore(paths: VmPaths): Promise<void> {
  const origin = await readTextIfThere(originOf(paths));
  if (origin === undefined || !origin.startsWith(untried)) return;
  // A host that loses its power now has the store as it is, or does not believe in it.
  const store = await open(paths.firmwareVars, "r+");
  try {
    await store.sync();
  } finally {
    await store.close();
  }
  await writeFileAtomically(originOf(paths), tried + origin.slice(untried.length));
}

// --- internal ---

const tried = "tried\n";
const untried = "untried\n";

/**
 * A copy of the template that its owner can write, which Nix' own files are not; without what is empty in it: Debian's
 * for ARM is 64 MiB of zeroes.
 */
async function makeStore(template: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await copySparse(template, path);
}

function originOf(paths: VmPaths): string {
  return `${paths.firmwareVars}.origin`;
}

/** What tells a file from the one that an upgrade of QEMU puts in its place. */
async function fileWords(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return `${path} ${size} ${mtimeMs}`;
}
