/** What a saved state is recognised by: this machine's processor, the VM's disks, and what its guest was told. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { cpus } from "node:os";
import { type Boot, parseBoot } from "../../../protocol/messages.ts";
import { sshAgent } from "../../../protocol/terms.ts";
import { isErrno } from "../../../system/errno.ts";
import { readTextIfThere } from "../../../system/files.ts";
import type { VmSpec } from "../../qemu/args.ts";
import type { DiskIdentity } from "./state.ts";

/** The processor's name, and a hash of what it can where Linux says so (proc(5): x86 has flags, arm64 Features). */
export async function cpuIdentity(): Promise<string> {
  const facts = (await readTextIfThere("/proc/cpuinfo")) ?? "";
  const abilities = /^(?:flags|Features)\s*:(.*)$/m.exec(facts)?.[1] ?? "";
  return `${cpus()[0]?.model ?? ""} ${hashOf(abilities.trim())}`;
}

/** The files that the guest writes to: its disks, the firmware's variables where it has them, a template's memory. */
export async function diskIdentities({
  systemDisk,
  dataDisk,
  volumes,
  firmwareVars,
  throwaway,
}: Pick<VmSpec, "systemDisk" | "dataDisk" | "volumes" | "firmwareVars" | "throwaway">): Promise<DiskIdentity[]> {
  const paths = [systemDisk, dataDisk, ...volumes.map(({ path }) => path), firmwareVars];
  if (throwaway !== undefined) paths.push(throwaway.memoryFile);
  return (await Promise.all(paths.map(identityOf))).flat();
}

/**
 * A hash of the credential that the guest was told at boot, without what may change while it sleeps as it may while it
 * runs: the proxy and the ssh agent of whoever starts it, and the time zone.
 */
export async function toldIdentity(credentialFile: string): Promise<string> {
  const text = await readFile(credentialFile, "utf8");
  const told = Buffer.from(text.slice(text.indexOf("=") + 1), "base64").toString();
  return toldOf(parseBoot(told), JSON.parse(told));
}

/** The same of what the credential says; `content` is all of it, with what is unknown to this qn. */
export function toldOf(told: Boot, content: object = told): string {
  const named = (told.sockets ?? []).filter(({ name }) => name !== sshAgent);
  const sockets = named.length === 0 ? undefined : named;
  return hashOf(JSON.stringify({ ...content, proxy: undefined, timeZone: undefined, sockets }));
}

// --- internal ---

async function identityOf(path: string): Promise<DiskIdentity[]> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    return [{ path, sizeBytes: Number(size), changedNs: `${mtimeNs}` }];
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
