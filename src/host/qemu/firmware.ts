/** Chooses the UEFI firmware for a guest, from QEMU's descriptors and from where distributions keep it. */
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import type { Arch } from "../../base/words.ts";
import { type Firmware, firmwareBesideQemu, firmwareOfDistributions, guestPlatforms } from "./platforms.ts";

const flashFileSchema = v.object({ filename: v.string(), format: v.picklist(["raw", "qcow2"]) });

/** The part of a firmware descriptor (QEMU's docs/interop/firmware.json) that can be booted the way that qn does. */
const descriptorSchema = v.object({
  "interface-types": v.pipe(
    v.array(v.string()),
    v.check((types) => types.includes("uefi")),
  ),
  mapping: v.object({
    device: v.literal("flash"),
    mode: v.optional(v.literal("split"), "split"),
    executable: flashFileSchema,
    "nvram-template": flashFileSchema,
  }),
  targets: v.array(v.object({ architecture: v.string(), machines: v.array(v.string()) })),
  features: v.array(v.string()),
});

/** A descriptor's file: its name without the folder, its folder's rank (0 is the most important) and its content. */
export type DescriptorFile = { readonly name: string; readonly rank: number; readonly content: unknown };

/**
 * The firmware that descriptors offer for a guest, best first. As the format's text says, files sort by name, and one
 * in a more important folder hides its namesakes, also when it is empty. Secure Boot's are left out: they need SMM,
 * which hvf lacks, and a guest signed by somebody.
 */
export function describedFirmware(files: readonly DescriptorFile[], arch: Arch): readonly Firmware[] {
  const visible = new Map<string, DescriptorFile>();
  for (const file of files.toSorted((a, b) => b.rank - a.rank)) visible.set(file.name, file);
  return [...visible.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ content }) => {
      const parsed = v.safeParse(descriptorSchema, content);
      if (!parsed.success) return [];
      const { mapping, targets, features } = parsed.output;
      if (features.some((feature) => unwanted.has(feature)) || !targets.some((target) => fits(target, arch))) return [];
      const { executable, "nvram-template": vars } = mapping;
      return [
        {
          code: executable.filename,
          codeFormat: executable.format,
          vars: { template: vars.filename, format: vars.format },
        },
      ];
    });
}

/** The firmware beside a QEMU at `qemuPath` (not resolved), and that of the distributions, best first. */
export function usualFirmware(qemuPath: string, arch: Arch): readonly Firmware[] {
  const prefix = dirname(dirname(qemuPath));
  const beside = firmwareBesideQemu[arch].map(({ code, codeFormat, vars }) => ({
    code: join(prefix, code),
    codeFormat,
    vars: vars && { template: join(prefix, vars.template), format: vars.format },
  }));
  return [...beside, ...firmwareOfDistributions[arch]];
}

/**
 * The firmware whose code is `code`, as QN_FIRMWARE names it, once with each name that its variables may have in the
 * same folder, and at last without variables.
 */
export function namedFirmware(code: string, arch: Arch): readonly Firmware[] {
  const folder = dirname(code);
  const name = basename(code);
  const format = name.endsWith(".qcow2") ? "qcow2" : "raw";
  const usual = [...firmwareBesideQemu[arch], ...firmwareOfDistributions[arch]].flatMap((known) =>
    known.vars !== undefined && basename(known.code) === name ? [basename(known.vars.template)] : [],
  );
  const alike = name.replace("CODE", "VARS").replace("code", "vars");
  const names = [...new Set([...(alike === name ? [] : [alike]), ...usual])];
  return [
    ...names.map((vars) => ({ code, codeFormat: format, vars: { template: join(folder, vars), format } }) as const),
    { code, codeFormat: format, vars: undefined },
  ];
}

/** Why a firmware cannot be used, or nothing when it can. `sizes` has the bytes of every file that is there. */
export function firmwareFault(firmware: Firmware, arch: Arch, sizes: ReadonlyMap<string, number>): string | undefined {
  const { pflashBytes } = guestPlatforms[arch];
  for (const { path, format } of firmwareFiles(firmware)) {
    const size = sizes.get(path);
    if (size === undefined) return `${path} is not there`;
    if (format === "raw" && pflashBytes !== undefined && size !== pflashBytes) {
      return `${path} has ${size} bytes, the machine's flash takes exactly ${pflashBytes}`;
    }
  }
  return undefined;
}

/** The files of a firmware. */
export function firmwareFiles(firmware: Firmware): readonly { path: string; format: Firmware["codeFormat"] }[] {
  const { code, codeFormat, vars } = firmware;
  return [
    { path: code, format: codeFormat },
    ...(vars === undefined ? [] : [{ path: vars.template, format: vars.format }]),
  ];
}

// --- internal ---

const unwanted: ReadonlySet<string> = new Set(["secure-boot", "requires-smm", "enrolled-keys"]);

function fits(target: { readonly architecture: string; readonly machines: readonly string[] }, arch: Arch): boolean {
  const { firmwareMachine } = guestPlatforms[arch];
  return target.architecture === arch && target.machines.some((glob) => matches(glob, firmwareMachine));
}

/** A machine's name against a shell pattern, of which descriptors use only `*`. */
function matches(glob: string, name: string): boolean {
  const pattern = glob.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join(".*")}$`).test(name);
}
