/** What a guest may make itself: the flake that the VM's settings name, told to guest/specialise.sh. */
import { rm } from "node:fs/promises";
import type { Boot } from "../../protocol/messages.ts";
import { writeFileAtomically } from "../../system/files.ts";

/** Writes the flake's folder and the system's name, a line each; without a flake there is no such file. */
export async function announceFlake(flake: Boot["flake"], path = "/run/qn/flake"): Promise<void> {
  if (flake === undefined) return await rm(path, { force: true });
  await writeFileAtomically(path, `${flake.folder}\n${flake.name}\n`, 0o644);
}
