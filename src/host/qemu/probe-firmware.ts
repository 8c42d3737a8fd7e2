/** Looks for UEFI firmware on this machine. */
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { QnError } from "../../base/errors.ts";
import type { Arch } from "../../base/words.ts";
import {
  type DescriptorFile,
  describedFirmware,
  firmwareFault,
  firmwareFiles,
  namedFirmware,
  usualFirmware,
} from "./firmware.ts";
import { ownInstallHint } from "./install-hint.ts";
import type { Firmware } from "./platforms.ts";

/** Variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The firmware for guests of `arch`: the one that QN_FIRMWARE names, else the best that QEMU's descriptors offer, else
 * one in a usual place. Throws FIRMWARE_MISSING, with every place that was looked at and what is wrong with it.
 */
export async function probeFirmware(arch: Arch, qemuPath: string, env: Environment): Promise<Firmware> {
  const named = env["QN_FIRMWARE"];
  const candidates =
    named === undefined || named === ""
      ? [...describedFirmware(await descriptorFiles(qemuPath, env), arch), ...usualFirmware(qemuPath, arch)]
      : namedFirmware(named, arch);
  const sizes = await sizesOf(candidates.flatMap((one) => firmwareFiles(one).map(({ path }) => path)));
  const faults = new Set<string>();
  for (const candidate of candidates) {
    const fault = firmwareFault(candidate, arch, sizes);
    if (fault === undefined) return candidate;
    faults.add(fault);
  }
  const message =
    named === undefined || named === ""
      ? `There is no UEFI firmware for ${arch} guests in any of ${candidates.length} places.`
      : `QN_FIRMWARE names ${named}, which cannot be used.`;
  throw new QnError("FIRMWARE_MISSING", message, {
    hint: `${ownInstallHint(arch, env)}; or set QN_FIRMWARE.`,
    details: [...faults].map((fault) => `${fault}.`),
  });
}

// --- internal ---

/** The folders of descriptors, the most important first, as QEMU's firmware.json defines them, then QEMU's own. */
function descriptorFolders(qemuPath: string, env: Environment): readonly string[] {
  const configHome = env["XDG_CONFIG_HOME"] ?? (env["HOME"] === undefined ? undefined : join(env["HOME"], ".config"));
  const own = join(dirname(dirname(qemuPath)), "share/qemu/firmware");
  return [
    ...(configHome === undefined ? [] : [join(configHome, "qemu/firmware")]),
    "/etc/qemu/firmware",
    ...new Set([own, "/usr/share/qemu/firmware"]),
  ];
}

async function descriptorFiles(qemuPath: string, env: Environment): Promise<readonly DescriptorFile[]> {
  const folders = descriptorFolders(qemuPath, env).map(async (folder, rank) => {
    const names = await readdir(folder).catch(() => []);
    const jsons = names.filter((name) => name.endsWith(".json"));
    return await Promise.all(jsons.map(async (name) => ({ name, rank, content: await readJson(join(folder, name)) })));
  });
  return (await Promise.all(folders)).flat();
}

/** A descriptor that cannot be read offers nothing, but still hides its namesakes. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

async function sizesOf(paths: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const entries = [...new Set(paths)].map(async (path): Promise<[string, number][]> => {
    const found = await stat(path).catch(() => undefined);
    return found?.isFile() === true ? [[path, found.size]] : [];
  });
  return new Map((await Promise.all(entries)).flat());
}
