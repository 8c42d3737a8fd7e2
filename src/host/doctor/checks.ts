/** What may stand in the way of a VM on this machine: each check looks at one thing, and says how to put it right. */
import { access, constants, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { byteSize, compareVersions, counted, duration } from "../../base/words.ts";
import { protocolVersion } from "../../protocol/messages.ts";
import { skewOf } from "../../protocol/skew.ts";
import { isThere } from "../../system/files.ts";
import { isLocked } from "../../system/kernel/lock.ts";
import { ownArch, ownUid } from "../../system/platform.ts";
import { findProgram, run } from "../../system/process.ts";
import { canPull, wayWithoutPull } from "../image/pull/pull.ts";
import { findImage } from "../image/store.ts";
import { dockerFolder, readContext, readCurrent } from "../integrate/docker/store.ts";
import { lookAtSocket, describeSocket } from "../integrate/docker/socket-link.ts";
import type { Layout } from "../layout.ts";
import { vmNames } from "../lifecycle/status.ts";
import { commonConfig, type Environment } from "../vm/settings.ts";
import type { HostFacts } from "../qemu/facts.ts";
import { ownInstallHint } from "../qemu/install-hint.ts";
import { hostPlatforms } from "../qemu/platforms.ts";
import { probeHost } from "../qemu/probe.ts";
import { disksOfStopped } from "./check-disks.ts";
import { faultsOfSettings } from "./check-settings.ts";
import { knownFaults } from "./known-bad.ts";

/** What a check found: all is well, something is worth knowing, or no VM will run like this. */
export type Finding = {
  readonly check: string;
  readonly level: "ok" | "warn" | "fail";
  readonly text: string;
  readonly fix: string | null;
};

/** What the checks look at: a QN_HOME and the environment of whoever asks, now. */
export type Examined = { readonly layout: Layout; readonly env: Environment; readonly nowMs: number };

/**
 * Every finding, in the order in which a person would mend them. Never throws: what cannot be looked at is a finding.
 */
export async function examine(examined: Examined): Promise<readonly Finding[]> {
  const checks: Readonly<Record<string, () => Promise<readonly Finding[]>>> = {
    home: () => checkHome(examined),
    settings: () => checkSettings(examined),
    disk: () => checkDisk(examined),
    qemu: () => checkQemu(examined),
    tools: async () => checkTools(examined),
    image: () => checkImage(examined),
    disks: () => checkDisks(examined),
    docker: async () => checkDocker(examined),
    context: () => checkContext(examined),
    sockets: () => checkSockets(examined),
  };
  const found = await Promise.all(
    Object.entries(checks).map(async ([check, look]) => {
      try {
        return await look();
      } catch (error) {
        const fix = error instanceof QnError ? error.hint : null;
        return [{ check, level: "fail" as const, text: messageOf(error), fix }];
      }
    }),
  );
  return found.flat();
}

// --- internal ---

/** Below the first no image fits; below the second it will soon be full. */
const roomBytes = { least: 2 * 1024 ** 3, enough: 10 * 1024 ** 3 };

/** An image of this age lacks what its distribution has mended since. */
const oldImageMs = 90 * 86_400_000;

/** The oldest QEMU that qn is tested with. */
const testedQemu = "7.2.0";

function good(check: string, text: string): Finding {
  return { check, level: "ok", text, fix: null };
}

function warning(check: string, text: string, fix: string): Finding {
  return { check, level: "warn", text, fix };
}

function failure(check: string, text: string, fix: string): Finding {
  return { check, level: "fail", text, fix };
}

async function checkHome({ layout }: Examined): Promise<readonly Finding[]> {
  const { home } = layout;
  // Throws when the path is too long for sockets.
  layout.vm("default");
  if (!(await isThere(home))) return [good("home", `${home} is not there yet; \`qn up\` makes it.`)];
  const { uid, mode } = await stat(home);
  if (uid !== ownUid()) {
    return [failure("home", `${home} belongs to another user.`, "Set QN_HOME to a folder of your own.")];
  }
  await access(home, constants.W_OK | constants.X_OK);
  if ((mode & 0o022) !== 0) {
    return [warning("home", `${home} can be written to by other users.`, `Run: chmod go-w ${home}`)];
  }
  return [good("home", `${home} is yours.`)];
}

async function checkSettings({ layout, env }: Examined): Promise<readonly Finding[]> {
  const faults = await faultsOfSettings(layout, env);
  if (faults.length > 0) return faults.map(({ text, fix }) => failure("settings", text, fix));
  return [good("settings", "Every setting is right.")];
}

async function checkDisk({ layout }: Examined): Promise<readonly Finding[]> {
  let folder = layout.home;
  while (!(await isThere(folder))) folder = join(folder, "..");
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const text = `${byteSize(free)} are free at ${folder}.`;
  const fix =
    "Free some space, or set QN_HOME to a disk that has some; `docker system prune` frees what containers left.";
  if (free < roomBytes.least) return [failure("disk", text, fix)];
  return [free < roomBytes.enough ? warning("disk", text, fix) : good("disk", text)];
}

async function checkQemu({ layout, env }: Examined): Promise<readonly Finding[]> {
  // Looking makes nothing: without a QN_HOME there is no place to remember what was tried, as below a file.
  const cacheFolder = (await isThere(layout.home)) ? layout.cache : "/dev/null/cache";
  const facts = await probeHost(ownArch(), { env, cacheFolder });
  const { path, version } = facts.qemu;
  const known = knownFaults({ os: facts.os, arch: facts.arch, version, sme: facts.sme });
  const old = compareVersions(version, testedQemu) < 0;
  return [
    ...known.map(({ effect, fix }) => warning("qemu", `QEMU ${version}: ${effect}.`, fix)),
    ...(known.length > 0 ? [] : [qemuFinding(path, version, old)]),
    good("firmware", `UEFI firmware: ${facts.firmware.code}.`),
    accelFinding(facts),
    await checkShares(facts),
  ];
}

function qemuFinding(path: string, version: string, old: boolean): Finding {
  if (!old) return good("qemu", `QEMU ${version}: ${path}.`);
  return warning("qemu", `QEMU ${version} is older than ${testedQemu}, the oldest that is tested.`, "Update QEMU.");
}

function accelFinding({ os, accels }: HostFacts): Finding {
  const { accel } = hostPlatforms[os];
  const usability = accels[accel];
  if (usability.usable) return good("acceleration", `${accel} works: a small guest has run.`);
  const fix = "Fix the above. Until then VMs are emulated: about 10 times slower.";
  return warning("acceleration", `${accel} cannot be used. ${usability.reason}`, fix);
}

/** By what folders can be served to the guest; `/tmp` takes 9p in any case. */
async function checkShares({ os, qemu, virtiofs }: HostFacts): Promise<Finding> {
  const { stdout, stderr } = await run([qemu.path, "-device", "help"], { deadlineMs: 10_000 });
  if (!`${stdout}${stderr}`.includes("virtio-9p-pci")) {
    const text = `${qemu.path} is built without 9p, so it cannot serve folders to the guest.`;
    return failure("files", text, "Install a full build of QEMU.");
  }
  const { title, virtiofs: here } = hostPlatforms[os];
  const unseen = here.isSeen ? "" : `, which nobody has seen work on ${title} yet`;
  if (virtiofs.usable) return good("files", `The guest can have folders by 9p, and by virtiofs${unseen}.`);
  return good("files", `The guest can have folders by 9p only. ${virtiofs.reason}`);
}

function checkTools({ env }: Examined): readonly Finding[] {
  const tools = ["ssh", "ssh-keygen", "qemu-img"];
  const missing = tools.filter((name) => findProgram(name, env["PATH"] ?? "") === undefined);
  if (missing.length === 0) return [good("tools", `${tools.join(", ")} are there.`)];
  return [failure("tools", `${missing.join(", ")} cannot be found in PATH.`, `${ownInstallHint(ownArch(), env)}.`)];
}

async function checkImage({ layout, env, nowMs }: Examined): Promise<readonly Finding[]> {
  const image = await findImage(layout.images, "debian", ownArch());
  if (image === undefined) return [await withoutImage(layout, env)];
  const { manifest, folder } = image;
  if (skewOf(manifest.protocol) !== undefined) {
    const text = `The image speaks protocol ${manifest.protocol}, this qn ${protocolVersion}.`;
    return [failure("image", text, "Run: qn image pull, or qn image build")];
  }
  const ageMs = nowMs - (await stat(join(folder, "image.json"))).mtimeMs;
  const text = `The image "debian" ${manifest.version} is ${duration(Math.max(0, ageMs))} old.`;
  return [ageMs > oldImageMs ? warning("image", text, "Run: qn image build --fresh") : good("image", text)];
}

/** No image is no trouble where `qn up` fetches one. Settings that are wrong are another check's. */
async function withoutImage(layout: Layout, env: Environment): Promise<Finding> {
  const text = `There is no image "debian" in ${layout.images}.`;
  const settings = await commonConfig(layout, env).catch(() => undefined);
  if (settings === undefined || !canPull(settings.config)) return failure("image", text, wayWithoutPull);
  return warning("image", `${text} The first start fetches it.`, "Run: qn up, or before that: qn image pull");
}

async function checkDisks({ layout, env }: Examined): Promise<readonly Finding[]> {
  const { looked, faults } = await disksOfStopped(layout, env);
  if (faults.length > 0) return faults.map(({ text, fix }) => failure("disks", text, fix));
  return [good("disks", `No fault in the system disks of ${counted(looked, "stopped VM")}.`)];
}

function checkDocker({ env }: Examined): readonly Finding[] {
  const path = findProgram("docker", env["PATH"] ?? "");
  if (path !== undefined) return [good("docker", `The docker command: ${path}.`)];
  return [
    warning(
      "docker",
      "There is no docker command in PATH.",
      "Install Docker's command line (Debian: docker-cli, macOS: brew install docker).",
    ),
  ];
}

async function checkContext({ layout, env }: Examined): Promise<readonly Finding[]> {
  const host = env["DOCKER_HOST"] ?? "";
  const isOwn = host.startsWith(`unix://${layout.home}/`);
  if (host !== "" && !isOwn) {
    return [warning("context", `DOCKER_HOST is ${host}; it wins over every context.`, "Run: unset DOCKER_HOST")];
  }
  const chosen = env["DOCKER_CONTEXT"] ?? "";
  if (chosen !== "") {
    return [
      warning("context", `DOCKER_CONTEXT is ${chosen}; it wins over the current context.`, "Run: unset DOCKER_CONTEXT"),
    ];
  }
  const folder = dockerFolder(env);
  const current = (await readCurrent(folder)) ?? "default";
  if (current === "default" || current === "") return [good("context", "Docker's context is the default one.")];
  if ((await readContext(folder, current)) === undefined) {
    const text = `Docker's context "${current}" is current and does not exist.`;
    return [warning("context", text, "Run: docker context use default")];
  }
  return [good("context", `Docker's context is "${current}".`)];
}

async function checkSockets({ layout }: Examined): Promise<readonly Finding[]> {
  const stale: string[] = [];
  for (const name of await vmNames(layout)) {
    const { lock, controlSocket, dockerSocket, qmpSocket } = layout.vm(name);
    if ((await isThere(lock)) && isLocked(lock)) continue;
    const left = await Promise.all([controlSocket, dockerSocket, qmpSocket].map((path) => isThere(path)));
    if (left.includes(true)) stale.push(name);
  }
  const usual = await lookAtSocket(layout);
  const findings = stale.map((name) =>
    warning(
      "sockets",
      `The VM "${name}" has no supervisor, but sockets of one.`,
      `Run: qn up ${name}, or qn down ${name}`,
    ),
  );
  if (usual.kind === "link" && !usual.isAlive) {
    findings.push(warning("sockets", `${describeSocket(usual)}.`, "Run: qn socket unlink, or qn up"));
  }
  return findings.length > 0
    ? findings
    : [good("sockets", `No stale sockets (${counted((await vmNames(layout)).length, "VM")}).`)];
}
