/** Each setting of a VM: its type, its range, its default and one line of help. The only source of all four. */
import * as v from "valibot";
import { arches, type Arch, cleanPath } from "../../base/words.ts";

const wholeNumber = (min: number, max: number) =>
  v.pipe(
    v.number("must be a number"),
    v.integer("must be a whole number"),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  );

const oneOf = <const Options extends readonly string[]>(options: Options) =>
  v.picklist(options, `must be one of ${options.join(", ")}`);

const switchedOn = v.boolean("must be true or false");

const absolutePath = v.pipe(
  v.string("must be a path"),
  v.startsWith("/", "must be an absolute path"),
  v.transform(cleanPath),
);

const text = v.pipe(v.string("must be text"), v.minLength(1, "must not be empty"));

/** A host folder that the guest sees at the same path. */
const shareSchema = v.strictObject({ path: absolutePath, readOnly: v.optional(switchedOn, false) });

const portsSchema = v.strictObject({ bind: v.optional(oneOf(["loopback", "all"])) });

/** The settings of one VM as they stand in `config.yaml`: all may be left out, none may be unknown. */
export const configSchema = v.strictObject({
  arch: v.optional(oneOf(arches)),
  cpus: v.optional(wholeNumber(1, 256)),
  memoryMiB: v.optional(wholeNumber(512, 4_194_304)),
  diskGiB: v.optional(wholeNumber(2, 65_536)),
  image: v.optional(text),
  accel: v.optional(oneOf(["auto", "kvm", "hvf", "tcg"])),
  mounts: v.optional(v.array(shareSchema, "must be a list")),
  ports: v.optional(portsSchema),
  sound: v.optional(switchedOn),
  window: v.optional(switchedOn),
});

/** The names that may stand at each place of the settings; "" is the top. */
export const knownNames: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(configSchema.entries),
  mounts: Object.keys(shareSchema.entries),
  ports: Object.keys(portsSchema.entries),
};

/** What a file, the environment or flags may say: a part of the settings. */
export type ConfigInput = v.InferInput<typeof configSchema>;

/** A share as the VM uses it. */
export type Share = { readonly path: string; readonly readOnly: boolean };

/** The effective settings of one VM. Units are in the names. */
export type VmConfig = {
  readonly arch: Arch;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskGiB: number;
  readonly image: string;
  readonly accel: "auto" | "kvm" | "hvf" | "tcg";
  readonly mounts: readonly Share[];
  readonly ports: { readonly bind: "loopback" | "all" };
  readonly sound: boolean;
  readonly window: boolean;
};

/** What the defaults depend on: the machine that qn runs on. */
export type HostSize = {
  readonly arch: Arch;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly homeFolder: string;
};

/**
 * The defaults on this host: up to four processors and half of the memory up to 4 GiB, as much as a laptop spares
 * without being asked; the home folder is shared, as Docker on the host itself would see it.
 */
export function defaults(host: HostSize): VmConfig {
  return {
    arch: host.arch,
    cpus: Math.min(4, host.cpus),
    memoryMiB: Math.max(512, Math.min(4096, Math.floor(host.memoryMiB / 2))),
    diskGiB: 60,
    image: "debian",
    accel: "auto",
    mounts: [{ path: host.homeFolder, readOnly: false }],
    ports: { bind: "loopback" },
    sound: false,
    window: false,
  };
}

/** One line of help for each setting, for `--help`, the documentation and editors. */
export const settingHelp: Record<keyof VmConfig, string> = {
  arch: "The guest's architecture; another one than the host's is emulated, which is slow.",
  cpus: "Virtual processors.",
  memoryMiB: "Memory in MiB.",
  diskGiB: "Size of the data disk in GiB; it takes only what is used, and can grow but not shrink.",
  image: "The image that the system disk is made from.",
  accel: "How the guest's code runs: kvm (Linux), hvf (macOS), tcg (emulation), or auto.",
  mounts: "Host folders that the guest sees at the same path.",
  ports: "Where published ports listen on the host: bind is loopback or all.",
  sound: "A sound card in the guest, playing on the host.",
  window: "A window with the guest's screen.",
};
