/** What is made anew for each boot: the secret, the ports and the credentials that carry them into the guest. */
import { randomBytes, randomInt } from "node:crypto";
import { readdir, readFile, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { QnError } from "../../../base/errors.ts";
import { secretBytes } from "../../../protocol/handshake.ts";
import { type Boot, bootCredential } from "../../../protocol/messages.ts";
import { listen } from "../../../system/net/connection.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import { ownUser } from "../../../system/own-user.ts";
import { run } from "../../../system/process.ts";
import { flakeAside, flakeIn } from "../../config/flake.ts";
import { dismissMasters } from "../../integrate/ssh-master.ts";
import { laneSockets, type Layout, sshMasterLock, type VmPaths } from "../../layout.ts";
import type { BootPorts } from "../../qemu/args.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { doorsOf } from "../../ports/range.ts";
import type { ProxySettings } from "./proxy.ts";
import { toldShares } from "../../vm/shares.ts";
import { portRangeOf } from "./port-range.ts";
import { hostTimeZone } from "./time-zone.ts";

const servedSchema = v.object({
  tag: v.string(),
  path: v.string(),
  readOnly: v.boolean(),
  cache: v.optional(v.picklist(["none", "mmap", "loose"])),
  links: v.optional(v.array(v.string())),
  /** Whether sockets that containers make there answer programs of this machine. */
  answers: v.optional(v.boolean()),
});

/** A share that virtiofs serves. */
export type Served = v.InferOutput<typeof servedSchema>;

/** What is known of a boot before QEMU runs. */
export const bootSchema = v.object({
  secret: v.string(),
  gatePort: v.number(),
  sshPort: v.number(),
  /** Where QEMU forwards to sshd when `sshPort` is the supervisor's own. */
  sshForwardPort: v.optional(v.number()),
  startedAtMs: v.number(),
  argv: v.array(v.string()),
  dockerPorts: v.optional(v.object({ first: v.number(), last: v.number() })),
  served: v.optional(v.array(servedSchema)),
});

const recordSchema = v.object({ ...bootSchema.entries, qemuPid: v.optional(v.number()) });

/**
 * One boot of a VM, kept beside it so that a new supervisor can adopt a living QEMU. `argv` is QEMU's command line,
 * `served` are the mounts of virtiofs; `qemuPid` is to be believed only while a QEMU answers at the VM's monitor.
 */
export type BootRecord = v.InferOutput<typeof recordSchema>;

/** The supervisor's own part in the way to sshd: whether it has one, and the port at which it listens already. */
export type SshWay = { readonly isDoor: boolean; readonly port: number | undefined };

/**
 * A new secret, the VM's slot for Docker's ports, and free ports of those that no guest reaches, or any where none of
 * them is free; sshd's port stays what it was when it still can, so that ssh hosts stay known.
 */
export async function newBoot(
  layout: Layout,
  paths: VmPaths,
  { isDoor, port }: SshWay = { isDoor: false, port: undefined },
): Promise<Omit<BootRecord, "argv" | "served">> {
  const previous = await readBootRecord(paths);
  const dockerPorts = await portRangeOf(layout, paths);
  const all = doorsOf(dockerPorts);
  // Of two users, who may have the same slot, each begins elsewhere.
  const begin = randomInt(all.length);
  const inTurn = [...all.slice(begin), ...all.slice(0, begin)];
  const before = all.filter((port) => port === previous?.sshPort);
  // All are held until all are chosen: no two must be one.
  using ssh = port === undefined ? holdFreePort([...before, ...inTurn]) : undefined;
  using gate = holdFreePort(inTurn);
  using forward = isDoor ? holdFreePort(inTurn) : undefined;
  return {
    secret: randomBytes(secretBytes).toString("hex"),
    gatePort: gate.port,
    sshPort: ssh?.port ?? port ?? 0,
    ...(forward && { sshForwardPort: forward.port }),
    startedAtMs: Date.now(),
    dockerPorts,
  };
}

/** The same boot with the supervisor's own part in the way to sshd, which it may not have had. */
export function withSshDoor(boot: BootRecord, argvFor: (ports: BootPorts) => readonly string[]): BootRecord {
  if (boot.sshForwardPort !== undefined) return boot;
  using forward = holdFreePort(boot.dockerPorts === undefined ? [] : doorsOf(boot.dockerPorts));
  const next = { ...boot, sshForwardPort: forward.port };
  return { ...next, argv: [...argvFor(bootPorts(next))] };
}

/** The ports at which its QEMU listens. */
export function bootPorts({ gatePort, sshPort, sshForwardPort }: BootPortsOf): BootPorts {
  return { gate: gatePort, ssh: sshForwardPort ?? sshPort };
}

/** What of a boot says so. */
export type BootPortsOf = Pick<BootRecord, "gatePort" | "sshPort" | "sshForwardPort">;

/** The record of the boot under way or of the last one; nothing when there is none that can be read. */
export async function readBootRecord(paths: VmPaths): Promise<BootRecord | undefined> {
  const text = await readTextIfThere(paths.bootFile);
  try {
    return text === undefined ? undefined : v.parse(recordSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The paths of the mounts of virtiofs, and those of links to them. */
export function servedPaths({ served = [] }: BootRecord): readonly string[] {
  return served.flatMap(({ path, links = [] }) => [path, ...links]);
}

/** Writes the record again once QEMU runs. */
export async function recordQemu(paths: VmPaths, boot: BootRecord, qemuPid: number | undefined): Promise<void> {
  await writeFileAtomically(paths.bootFile, JSON.stringify({ ...boot, qemuPid }));
}

/** What of a boot's files is made of. */
type Facts = Omit<Prepared, "origins" | "facts" | "image">;

/** What the guest is told. The VM's keys are made at their first use. Throws TOOL_MISSING without ssh-keygen. */
export async function toldToGuest(
  layout: Layout,
  paths: VmPaths,
  boot: BootRecord,
  { shares, config, caCertificates, sockets, spec }: Facts,
  proxy: ProxySettings,
): Promise<Boot> {
  // As the guest sees it: shares are mounted where they really are.
  const home = await realpath(layout.home);
  const { missing } = config.files;
  const [sshKey] = await Promise.all([ownKey(paths), hostKey(paths)]);
  return {
    secret: boot.secret,
    vm: paths.name,
    hostPorts: [boot.gatePort, boot.sshPort, ...(boot.sshForwardPort === undefined ? [] : [boot.sshForwardPort])],
    user: { ...ownUser(), sshKeys: [sshKey, ...(await builderKeys(paths, config.nixBuilder))] },
    shares: toldShares(shares),
    unwatched: [...config.changes.exclude],
    sshHostKey: await readFile(paths.sshHostKey, "utf8"),
    home,
    dockerSocket: `${home}${paths.dockerSocket.slice(layout.home.length)}`,
    missing,
    dockerPorts: boot.dockerPorts,
    daemon: config.docker.daemon,
    proxy: { ...proxy },
    ...(caCertificates.length > 0 && { caCertificates: [...caCertificates] }),
    ...(sockets.length > 0 && { sockets: sockets.map(({ name, paths }) => ({ name, paths })) }),
    flake: await guestFlake(config.flake, shares),
    listen: config.ports.listen === true,
    listenOfContainers: config.ports.listen !== false,
    swarm: true,
    takesMemoryBack: spec.takesMemoryBack,
    ...(config.volumes.length > 0 && { disks: config.volumes.map(({ name }) => ({ name })) }),
    timeZone: await hostTimeZone(),
    ...(config.provision.length > 0 && { provision: [...config.provision] }),
  };
}

/**
 * Writes the record, the credentials and the ssh configuration, all readable by their owner only. Gives back what the
 * guest is told.
 */
export async function writeBootFiles(
  layout: Layout,
  paths: VmPaths,
  boot: BootRecord,
  facts: Facts,
  proxy: ProxySettings,
): Promise<Boot> {
  const told = await toldToGuest(layout, paths, boot, facts, proxy);
  const text = JSON.stringify(told);
  if (Buffer.byteLength(text) > bootBytesMax) {
    throw new QnError(
      "CONFIG_INVALID",
      `What the guest is told at boot takes ${Buffer.byteLength(text)} bytes; at most ${bootBytesMax} fit.`,
      { hint: "Shorten provision, docker.daemon or docker.caCertificates, or mount fewer folders." },
    );
  }
  await writeFileAtomically(paths.bootFile, JSON.stringify(boot));
  await writeFileAtomically(paths.credentialFile, credential(bootCredential, text));
  await writeFileAtomically(paths.sshKnownHosts, `qn-${paths.name} ${await hostKey(paths)}\n`);
  await writeFileAtomically(
    paths.sshKeyCredentialFile,
    credential("ssh.authorized_keys.root", `${await ownKey(paths)}\n`),
  );
  return told;
}

/** Removes what belongs to one boot alone, once its QEMU is gone; what it says for later is kept. */
export async function removeBootFiles(paths: VmPaths): Promise<void> {
  const { dockerSocket, qmpSocket, serialSocket, words, credentialFile, sshKeyCredentialFile } = paths;
  await dismissMasters(paths);
  const names = await readdir(paths.folder).catch(() => []);
  // The servers of shares leave a socket and a file with their number each.
  const ofShares = names.filter((name) => /^qn\d+\.sock/.test(name)).map((name) => join(paths.folder, name));
  for (const path of [
    dockerSocket,
    qmpSocket,
    serialSocket,
    words,
    credentialFile,
    sshKeyCredentialFile,
    sshMasterLock(paths, "user"),
    sshMasterLock(paths, "root"),
    ...laneSockets(paths),
    ...ofShares,
  ]) {
    await rm(path, { force: true });
  }
}

// --- internal ---

/**
 * All SMBIOS tables together have at most 65,535 bytes on QEMU's q35 (SMBIOS 2.1 entry point), and base64 makes four
 * bytes of three; a few kilobytes are left for the other tables.
 */
const bootBytesMax = 44_000;

/** What lets the host in, and what the guest proves itself with: their public halves. */
function ownKey(paths: VmPaths): Promise<string> {
  return publicKey(paths.sshKey, `qn ${paths.name}`);
}
function hostKey(paths: VmPaths): Promise<string> {
  return publicKey(paths.sshHostKey, `guest of qn ${paths.name}`);
}

/** The public half of an ssh key, which is made at first use. Throws TOOL_MISSING without ssh-keygen. */
async function publicKey(path: string, comment: string): Promise<string> {
  if (!(await isThere(`${path}.pub`))) {
    await rm(path, { force: true });
    const made = await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]);
    if (made.exitCode !== 0) throw new QnError("DISK_FAILED", `ssh-keygen cannot make ${path}: ${made.stderr.trim()}`);
  }
  return (await readFile(`${path}.pub`, "utf8")).trim();
}

/**
 * The key of this machine's Nix, which may do one thing (sshd(8), AUTHORIZED_KEYS); none when the VM builds nothing.
 */
async function builderKeys(paths: VmPaths, isBuilder: boolean): Promise<readonly string[]> {
  if (!isBuilder) return [];
  return [`restrict,command="nix-daemon --stdio" ${await publicKey(paths.builderKey, `qn builder ${paths.name}`)}`];
}

/** The flake as the guest sees it: shares are mounted where they really are, and one of its own is aside. */
async function guestFlake(setting: string, shares: Prepared["shares"]): Promise<Boot["flake"]> {
  const flake = flakeIn(setting);
  if (flake === undefined) return undefined;
  const isAside = shares.some(({ folder }) => folder === flakeAside);
  return { ...flake, folder: isAside ? flakeAside : await realpath(flake.folder) };
}

/** A credential as one SMBIOS type 11 string (systemd.system-credentials(7), smbios-type-11(7)). */
function credential(name: string, value: string): string {
  return `io.systemd.credential.binary:${name}=${Buffer.from(value).toString("base64")}`;
}

/** The first of these TCP ports of the loopback that nobody else has, or any. QEMU takes it once it is let go. */
function holdFreePort([wished = 0, ...others]: readonly number[]): Disposable & { readonly port: number } {
  try {
    const listener = listen({ hostname: "127.0.0.1", port: wished }, (connection) => connection.reset());
    return { port: listener.port, [Symbol.dispose]: () => listener.close() };
  } catch (error) {
    if (wished === 0) throw error;
    return holdFreePort(others);
  }
}
