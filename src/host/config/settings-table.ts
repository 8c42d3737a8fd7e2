/**
 * Each setting of a VM: its type, its range, its help and its default. The only source of all four: the type of the
 * effective settings, the check of files, the QN_* variables, the origins and the documentation follow from this table.
 */
import * as v from "valibot";
import { provisionStepsMax } from "../../protocol/terms.ts";
import { arches, type HostOs } from "../../base/words.ts";
import { idleTime } from "./idle-time.ts";
import { tmpReference } from "./tmp-reference.ts";
import { volumesOf } from "./volumes.ts";
import { section, setting } from "./setting.ts";
import {
  caCertificatesReference,
  daemonKey,
  flakeReference,
  imageKey,
  imageSource,
  listOf,
  macAddress,
  machineProperty,
  machineValue,
  oneOf,
  portRule,
  provisionExample,
  provisionSchema,
  qemuWord,
  shareExample,
  shareSchema,
  socketReferences,
  switchedOn,
  tapName,
  text,
  wholeNumber,
} from "./value-schemas.ts";

/**
 * What is shared besides the home folder and /tmp: on macOS TMPDIR lies below /var/folders and other disks below
 * /Volumes, and programs hand paths there to Docker as they do paths of the home folder.
 */
const sharedBesideHome: Record<HostOs, readonly string[]> = { linux: [], darwin: ["/var/folders", "/Volumes"] };

/**
 * The table. The defaults are up to four processors and half of the memory up to 4 GiB, as much as a laptop spares
 * without being asked; the home folder is mounted, as Docker on the host itself would see it.
 */
export const settings = {
  arch: setting(
    oneOf(arches),
    "The guest's architecture; another one than the host's is emulated, which is slow.",
    (host) => host.arch,
    "at the next start",
    "this machine's",
  ),
  cpus: setting(
    wholeNumber(1, 256),
    "Virtual processors.",
    (host) => Math.min(4, host.cpus),
    "at the next start",
    "up to 4 of this machine's",
  ),
  memoryMiB: setting(
    wholeNumber(512, 4_194_304),
    "Memory in MiB.",
    (host) => Math.max(512, Math.min(4096, Math.floor(host.memoryMiB / 2))),
    "at the next start",
    "half of this machine's, at most 4096",
  ),
  diskGiB: setting(
    wholeNumber(2, 65_536),
    "Size of the data disk in GiB; it takes only what is used, and can grow, also in a VM that runs, but not shrink.",
    () => 60,
    "now",
  ),
  volumes: setting(
    volumesOf(wholeNumber(1, 65_536)),
    "Further disks, which containers find at /var/lib/qn-disks/NAME (`qn disk add NAME GIB`). They grow as the data disk does.",
    (): { name: string; sizeGiB: number }[] => [],
  ),
  image: setting(
    text,
    "The image that the system disk is made from: its name, or the folder of one, such as Nix builds.",
    () => "debian",
  ),
  boot: setting(
    oneOf(["auto", "kernel", "uefi"]),
    "How the guest starts: with the image's own kernel (kernel), by UEFI firmware from its disk (uefi), or auto: on x86_64 the first if the image has one.",
    () => "auto",
  ),
  imageUrl: setting(
    imageSource,
    "Where an image that is missing is fetched from: qn's own release, a mirror's https:// address, a folder, or none.",
    () => "release",
    "now",
  ),
  imageKey: setting(
    imageKey,
    "Whose images are taken: release are the keys in qn, a file with a public key (ed25519, PEM) is that one's alone.",
    () => "release",
    "now",
  ),
  flake: setting(
    flakeReference,
    "What a NixOS guest makes itself at its first start: a flake here and a system in it, as /home/ann/machines#web; or none.",
    () => "none",
  ),
  accel: setting(
    oneOf(["auto", "kvm", "hvf", "tcg"]),
    "How the guest's code runs: kvm (Linux), hvf (macOS), tcg (emulation), or auto.",
    () => "auto",
  ),
  mounts: setting(
    listOf(shareSchema, `[${shareExample}]`),
    "Host folders that the guest sees at the same path.",
    (host) => [host.homeFolder, ...sharedBesideHome[host.os]].map((path) => ({ path, readOnly: false })),
  ),
  files: section("Files of the host in containers.", {
    driver: setting(
      oneOf(["9p", "virtiofs", "auto", "qn"]),
      "Who serves mounts: QEMU (9p), qn itself (virtiofs, which was called qn before), or auto: qn where that was tried, on Linux.",
      () => "auto",
    ),
    tmp: setting(
      tmpReference,
      "What the guest sees of this machine's /tmp: all of it, none of it, or one folder in it such as /tmp/work.",
      () => "all",
    ),
    missing: setting(
      oneOf(["error", "create"]),
      "What becomes of a bind source that lies in no mount: an error, or an empty folder in the guest (create).",
      () => "error",
    ),
    sockets: setting(
      socketReferences,
      "Sockets of this machine that answer in containers which mount them: paths, and ssh-agent for $SSH_AUTH_SOCK.",
      (): string[] => [],
    ),
    listen: setting(
      oneOf(["mounts", "all", "none"]),
      "Where sockets that containers make answer programs of this machine: in mounts, in all of /tmp too (all), or nowhere.",
      () => "mounts",
    ),
  }),
  ports: section("Published ports.", {
    bind: setting(
      oneOf(["loopback", "all", "strict"]),
      "Where published ports listen that name no address: on the loopback, on all; strict keeps all ports on the loopback.",
      () => "loopback",
    ),
    deny: setting(
      listOf(portRule, '[22, "6000-6063"]'),
      'Ports and ranges that are never forwarded, such as [22, "6000-6063"].',
      (): (number | string)[] => [],
    ),
    listen: setting(
      () => v.union([v.literal("containers"), v.boolean()], "must be containers, true or false"),
      "Forward listening sockets of the guest that nobody publishes: of `--network host` containers, all (true), or none.",
      (): "containers" | boolean => "containers",
    ),
  }),
  network: section("What the guest reaches, and a second network card.", {
    reach: setting(
      oneOf(["all", "none"]),
      "What the guest reaches: all that this machine does (all), or nothing, names neither (none). Ports work with both.",
      () => "all",
    ),
    tap: setting(
      tapName,
      "The TAP device of this Linux machine that the card is plugged into, such as one of a bridge's; or none.",
      () => "none",
    ),
    mac: setting(
      macAddress,
      "The card's hardware address; auto is one made from the names of machine and VM.",
      () => "auto",
    ),
  }),
  changes: section("Changes on the host that containers hear of (inotify).", {
    exclude: setting(
      listOf(text, "[dist, .cache]"),
      "Names of folders that are not watched, nor what is below them.",
      () => [".git", "node_modules"],
    ),
    entriesMax: setting(
      wholeNumber(0, 1_000_000),
      "The most files and folders that are watched below all mounts of running containers; 0 watches nothing.",
      () => 20_000,
    ),
  }),
  docker: section("Docker.", {
    context: setting(
      oneOf(["auto", "make", "none"]),
      "The Docker context: made and, if no other was chosen, current while the VM is up; only made; or none.",
      () => "auto",
    ),
    daemon: setting(
      () => v.record(daemonKey(), v.unknown(), "must be a mapping such as { log-driver: journald }"),
      "More of a Debian guest's daemon.json for Docker; qn's own keys, such as hosts and data-root, are refused.",
      () => ({}),
    ),
    caCertificates: setting(
      caCertificatesReference,
      "Authorities whose certificates Docker believes when it pulls and pushes: what was added to this machine (host), a file's (PEM), or none.",
      () => "none",
    ),
  }),
  qemu: section("QEMU's own words, for what qn has no setting for.", {
    cpu: setting(text, "The processor as behind QEMU's -cpu, such as max,-avx512f; auto is qn's choice.", () => "auto"),
    machine: setting(
      () => v.record(machineProperty(), machineValue(), "must be a mapping such as { hmat: on }"),
      "Properties of QEMU's -machine on top of qn's own, such as hmat: on.",
      () => ({}),
    ),
    args: setting(
      listOf(qemuWord, "[-device, qemu-xhci]"),
      "Words behind QEMU's command line, one a line; those that open a monitor are refused.",
      () => [],
    ),
  }),
  provision: setting(
    () =>
      v.pipe(
        v.array(provisionSchema(), `must be a list such as [${provisionExample}]`),
        v.maxLength(provisionStepsMax, `must have at most ${provisionStepsMax} entries`),
        v.readonly(),
      ),
    "Commands that root runs in the guest before Docker starts: at each boot, or once on each system disk.",
    (): { run: string; when: "boot" | "once" }[] => [],
  ),
  down: setting(
    oneOf(["shutdown", "suspend"]),
    "What `qn down` does: shut the guest down, or keep its memory in a file, from which `qn up` goes on (suspend).",
    () => "shutdown",
    "now",
  ),
  idle: section("A VM that nobody uses.", {
    after: setting(
      idleTime,
      "How long nobody has to have used the VM before it falls asleep, such as 15m, and wakes when it is used; or never.",
      () => "never",
    ),
    pause: setting(
      idleTime,
      "How long nobody has to have used the VM before it is paused though containers run in it, such as 5m, and goes on when it is used; or never.",
      () => "never",
    ),
    wake: setting(
      idleTime,
      "How long a VM is paused at most before it goes on by itself for a minute or two, for what is due by the clock, such as 30m; or never.",
      () => "never",
    ),
  }),
  nixBuilder: setting(
    switchedOn,
    "Lets this machine's Nix build in a guest that has Nix, with a key that can do nothing else (`qn nix-builder enable`).",
    () => false,
  ),
  sound: setting(switchedOn, "A sound card in the guest, playing on the host.", () => false),
  window: setting(switchedOn, "A window with the guest's screen.", () => false),
  protected: setting(
    switchedOn,
    "While true, `qn delete` refuses to delete the VM, also with --force.",
    () => false,
    "now",
  ),
};
