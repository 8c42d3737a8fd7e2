/** From a VM's name to everything that is known before it starts, or to every reason why it cannot. */
import { access, constants, realpath, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { tracesIn } from "../../system/trace.ts";
import type { Loaded } from "../config/load.ts";
import type { ConfigInput, Share, VmConfig } from "../config/schema.ts";
import { refuseOlderData } from "../image/data-version.ts";
import { type StoredImage, verifyImage } from "../image/store.ts";
import { liveDisk } from "../image/live-disk.ts";
import { flakeIn } from "../config/flake.ts";
import { caCertificates } from "./ca-certificates.ts";
import { imageForVm } from "./image-choice.ts";
import { refuseNewerFolder } from "./folder-version.ts";
import type { Layout, VmPaths } from "../layout.ts";
import type { VmSpec } from "../qemu/args.ts";
import type { HostFacts } from "../qemu/facts.ts";
import { macOf } from "../qemu/mac.ts";
import { guestPlatforms } from "../qemu/platforms.ts";
import { planVm } from "../qemu/vm-plan.ts";
import { probeHost } from "../qemu/probe.ts";
import { refuseSkew } from "../../protocol/skew-words.ts";
import { type HostSocket, refuseOwnSockets, socketsOf } from "./sockets.ts";
import { effectiveConfig, type Environment } from "./settings.ts";
import { driverOf, type GuestShare, type HostFolders, type LookedAt, shareMistakes, sharesOf } from "./shares.ts";

/** What settings, host and image say about a VM together. */
export type Prepared = {
  readonly config: VmConfig;
  readonly origins: Loaded["origins"];
  readonly facts: HostFacts;
  readonly image: StoredImage;
  readonly shares: readonly GuestShare[];
  /** Authorities for dockerd: certificates as DER in base64. */
  readonly caCertificates: readonly string[];
  /** Sockets of this machine that answer in containers. */
  readonly sockets: readonly HostSocket[];
  readonly spec: VmSpec;
};

/**
 * Checks everything that can be checked without touching anything: settings, QEMU, firmware, accelerator, image. Throws
 * the first of VM_NEWER, CONFIG_INVALID, QEMU_MISSING, FIRMWARE_MISSING, ACCEL_UNAVAILABLE, IMAGE_MISSING,
 * AGENT_INCOMPATIBLE, DATA_NEWER and IMAGE_CORRUPT. `template` is what a throw-away VM is a copy of, or, for a
 * template, its own paths.
 */
export async function prepareVm(
  layout: Layout,
  paths: VmPaths,
  env: Environment,
  flags: ConfigInput = {},
  template?: VmPaths,
): Promise<Prepared> {
  await refuseNewerFolder(paths);
  tracesIn(env["QN_TRACE"]);
  const { config, origins } = await effectiveConfig(paths, env, flags);
  const { sound, window } = config;
  const sockets = socketsOf(config.files.sockets, env);
  refuseOwnSockets(sockets, layout.home);
  const certificates = await caCertificates(config.docker.caCertificates);
  const folders = await lookAtFolders(config, layout.home);
  const facts = await probeHost(config.arch, { env, cacheFolder: layout.cache, sound, window });
  const shares = sharesOf(folders.looks, folders.places, driverOf(config.files.driver, facts));
  const { mac } = config.network;
  const network = { ...config.network, mac: mac === "auto" ? macOf(hostname(), paths.folder) : mac };
  const plan = planVm({ config: { ...config, mounts: shares, network }, facts, paths, template });
  const image = await imageForVm(layout, paths, config);
  const { protocol, name, version } = image.manifest;
  refuseSkew(`The image "${name}" (${version})`, protocol);
  await refuseOlderData(paths, image);
  await verifyImage(image);
  const { path: dataDisk } = await liveDisk(paths.dataDisk);
  const volumes = await Promise.all(
    plan.volumes.map(async ({ name, path }) => ({ name, path: (await liveDisk(path)).path })),
  );
  const spec = { ...plan, imageDisk: image.disk, dataDisk, volumes, kernel: kernelOf(image, config) };
  return { config, origins, facts, image, shares, caCertificates: certificates, sockets, spec };
}

// --- internal ---

/** The kernel that QEMU starts; none where the firmware does. Throws CONFIG_INVALID for one that there is not. */
function kernelOf({ manifest, folder }: StoredImage, { boot }: VmConfig): VmSpec["kernel"] {
  const { name, version, arch, kernel } = manifest;
  const isWanted = boot === "kernel" || (boot === "auto" && !guestPlatforms[arch].kernelNeedsUefi);
  if (kernel !== undefined && isWanted) {
    const [first, second] = kernel.files;
    return { kernel: join(folder, first.file), initrd: join(folder, second.file), commandLine: kernel.commandLine };
  }
  if (boot !== "kernel") return undefined;
  throw new QnError(
    "CONFIG_INVALID",
    `boot is "kernel", but the image "${name}" (${version}) has no kernel of its own.`,
    {
      hint: "Leave boot at auto, which takes what the image has.",
    },
  );
}

/** What the host has of what shall be shared. */
type Folders = { readonly looks: readonly LookedAt[]; readonly places: HostFolders };

/**
 * Looks at what shall be shared. Throws CONFIG_INVALID with every folder that cannot be, before QEMU says so less
 * clearly.
 */
async function lookAtFolders({ mounts, files, flake }: VmConfig, home: string): Promise<Folders> {
  const looks = await Promise.all(mounts.map(lookAt));
  const folder = flakeIn(flake)?.folder;
  const places = {
    tmp: await realpath("/tmp"),
    home: await realpath(home).catch(() => home),
    ofTmp: await lookAtTmp(files.tmp),
    flake: folder === undefined ? undefined : await lookAt({ path: folder, readOnly: true }),
  };
  const mistakes = shareMistakes(looks, places);
  if (mistakes.length === 0) return { looks, places };
  const [first = "", ...more] = mistakes;
  if (more.length === 0) throw new QnError("CONFIG_INVALID", `A folder cannot be mounted. ${first}.`);
  throw new QnError("CONFIG_INVALID", `${mistakes.length} folders cannot be mounted.`, { details: mistakes });
}

/** What of /tmp is shared; nothing for all of it. */
async function lookAtTmp(setting: string): Promise<LookedAt | "none" | undefined> {
  if (setting === "all") return undefined;
  return setting === "none" ? setting : await lookAt({ path: setting, readOnly: false });
}

async function lookAt(share: Share): Promise<LookedAt> {
  const { path } = share;
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return { share, real, why: `no such folder: ${path}` };
  if (!(await stat(real)).isDirectory()) return { share, real: undefined, why: `not a folder: ${path}` };
  try {
    await access(real, constants.R_OK | constants.X_OK);
  } catch (error) {
    return { share, real: undefined, why: `${path} cannot be read: ${messageOf(error)}` };
  }
  return { share, real };
}
