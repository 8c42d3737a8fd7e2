/** Shares by virtiofs and by 9p beside the guest's own disk: the same work on all of them, in one guest, in turn. */
import { cp, mkdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { gitArchive } from "../support/git-image.ts";
import { bootArgs, type Vm } from "../support/vm.ts";

const treeFiles = 20_000;

/** The guest's own disk. */
const ownDisk = "/var/lib/qn/bench";

/** A kind of work: a shell script for the new folder `$d`; `before` is not measured. */
type Work = { readonly before?: string; readonly script: string };

const large = "dd if=/dev/zero of=$d/big bs=1M count=32 conv=fsync";
const small = (count: number): Work => ({ script: `cd $d; for i in $(seq ${count}); do echo $i >$i; done` });

/** The tree of 20,000 files lies beside `$d` from the beginning: 200 folders with 100 files each. */
const works = {
  "32 MB written": { script: large },
  "32 MB read": {
    before: `${large}; sync; echo 3 >/proc/sys/vm/drop_caches`,
    script: "dd if=$d/big of=/dev/null bs=1M",
  },
  "500 small files made": small(500),
  "5,000 small files made": small(5_000),
  "find in 2,000 files": { script: "find $d/../tree/d1? $d/../tree/d2? -size +1k" },
  "find in 20,000 files": { script: "find $d/../tree -size +1k" },
  "git status of 20,000 files": { script: "$git status --porcelain" },
} as const satisfies Readonly<Record<string, Work>>;

type WorkName = keyof typeof works;

const ofLarge = ["32 MB written", "32 MB read"] as const;
/** What tells ways to mount apart, and takes them seconds and not minutes. */
const brief = [...ofLarge, "500 small files made", "find in 2,000 files"] as const;
const all = [...brief, "5,000 small files made", "find in 20,000 files", "git status of 20,000 files"] as const;

/** The mount options that are tried on a plain share, with what is done there; the first are those that qn uses. */
const ways: readonly (readonly [options: string, names: readonly WorkName[]])[] = [
  ["msize=512000,cache=none", all],
  ["msize=512000,cache=mmap", brief],
  ["msize=512000,cache=loose", brief],
  ["msize=131072,cache=none", ofLarge],
  ["msize=16384,cache=none", ofLarge],
];

/**
 * Gives a VM shares of their own for this: a 9p tag can be mounted once, and is let go to be mounted otherwise. By 9p,
 * since a bare QEMU with the same words, which others measure, has nobody who serves virtiofs.
 */
export async function benchShares(vm: Vm): Promise<void> {
  await writeSettings(vm, { driver: "9p" });
}

/** The ratios of the times to those of the guest's disk, a line for each kind of work and way to mount a share by 9p. */
export async function measureOptions(vm: Vm): Promise<string[]> {
  const { host } = placesOf(vm).ours;
  await makeTree(vm, host);
  const lines: string[] = [];
  for (const [options, names] of ways) {
    await remount(vm, host, options);
    lines.push(...(await compare(vm, [{ name: options, host, guest: host }], names)));
  }
  const mapped = join(vm.inHome, "mapped");
  const ofOwners = ["500 small files made", "32 MB read"] as const;
  return [...lines, ...(await compare(vm, [{ name: "mapped-xattr", host: mapped, guest: mapped }], ofOwners))];
}

/**
 * The same for shares that qn serves, beside one of 9p in the same guest. The last benchmark of a run: the VM has other
 * shares afterwards.
 */
export async function measureShares(vm: Vm): Promise<string[]> {
  const { ours, without, mapped } = placesOf(vm);
  await vm.qn("down");
  await writeSettings(vm, { driver: "virtiofs" });
  await vm.qn("up", ...bootArgs);
  await makeTree(vm, ours.host);
  for (const { host } of [without, mapped]) await cp(ours.host, host, { recursive: true, preserveTimestamps: true });
  return await compare(vm, [ours, without, mapped], all);
}

// --- internal ---

const always = "trans=virtio,version=9p2000.L,access=client";

/** A folder that is measured, and where host and guest have it. */
type Place = { readonly name: string; readonly host: string; readonly guest: string };

function placesOf(vm: Vm) {
  const place = (name: string, folder: string): Place => {
    const path = join(vm.inHome, folder);
    return { name, host: path, guest: path };
  };
  return {
    ours: place("virtiofs", "bench"),
    without: place("virtiofs, cache=none", "without"),
    // What maps owners is 9p's whatever the driver.
    mapped: place("9p, mapped-xattr", "mapped"),
  } as const;
}

async function writeSettings(vm: Vm, files: { driver: "9p" | "virtiofs" }): Promise<void> {
  const mounts = [
    { path: join(vm.inHome, "bench") },
    { path: join(vm.inHome, "without"), cache: "none" },
    { path: join(vm.inHome, "mapped"), security: "mapped-xattr" },
  ];
  for (const { path } of mounts) await mkdir(path, { recursive: true });
  await mkdir(vm.folder, { recursive: true, mode: 0o700 });
  await Bun.write(join(vm.folder, "config.yaml"), JSON.stringify({ files, mounts: [{ path: homedir() }, ...mounts] }));
}

/** A repository of 20,000 files, once on the share and once on the guest's own disk, and git for the guest. */
async function makeTree(vm: Vm, share: string): Promise<void> {
  const tree = join(share, "tree");
  for (const name of ["tree", "git"]) await rm(join(share, name), { recursive: true, force: true });
  await mkdir(tree, { recursive: true });
  for (let folder = 0; folder < 200; folder += 1) {
    const names = Array.from({ length: treeFiles / 200 }, (_, index) => join(tree, `d${folder}/f${index}`));
    await Promise.all(names.map((name) => Bun.write(name, `${name}\n`)));
  }
  // Git begins to pack by itself after a commit, and then refuses to.
  const who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "gc.auto=0", "-c", "maintenance.auto=false"];
  for (const words of [
    ["init", "-q"],
    ["add", "-A"],
    [...who, "commit", "-qm", "first"],
    // One file for all content, so that it is quickly brought to the guest.
    ["gc", "-q"],
  ])
    await vm.succeed(["git", "-C", tree, ...words]);
  await gitArchive(join(share, "git"));
  await vm.succeed(["sh", "-c", `tar -C ${share} -cf ${vm.inTmp}/both.tar tree git/busybox`]);
  await asRoot(vm, `mkdir -p ${ownDisk}; tar -C ${ownDisk} --no-same-owner -xf /run/qn${vm.inTmp}/both.tar`);
}

async function remount(vm: Vm, share: string, options: string): Promise<void> {
  await asRoot(
    vm,
    `t=$(findmnt -n -o SOURCE ${share}); umount ${share}; mount -t 9p -o ${options},${always} $t ${share}`,
  );
}

async function compare(vm: Vm, places: readonly Place[], names: readonly WorkName[]): Promise<string[]> {
  const lines: string[] = [];
  for (const name of names) {
    const times = await timed(vm, places, works[name]);
    const disk = times.at(-1) ?? 0;
    const ofPlaces = places.map((place, index) => {
      const ms = times[index] ?? 0;
      return `${place.name}, ${name}: ${(ms / disk).toFixed(1)} times as long (${ms} and ${disk} ms)`;
    });
    for (const line of ofPlaces) console.log(`  … ${line}`);
    lines.push(...ofPlaces);
  }
  return lines;
}

/**
 * Milliseconds in each place and on the guest's disk, with nothing cached at the beginning. Git looks at times and sizes: other facts differ between host
 * and guest. What was made on a share is taken away by the host, which is much faster.
 */
async function timed(vm: Vm, places: readonly Place[], { before = "true", script }: Work): Promise<readonly number[]> {
  const root = `${ownDisk}/git/busybox`;
  const git = `$(ls ${root}/lib64/ld-*) --library-path ${root}/lib/x86_64-linux-gnu:${root}/lib/aarch64-linux-gnu ${root}/bin/git`;
  const settings = "-c safe.directory=* -c core.checkStat=minimal -c core.trustctime=false";
  const run = `run-${crypto.randomUUID()}`;
  const words = `set -e; for folder in ${[...places.map(({ guest }) => guest), ownDisk].join(" ")}; do d=$folder/${run}; git="${git} ${settings} -C $folder/tree"
    mkdir -p $d; { ${before}; } >/dev/null 2>&1; sync; echo 3 >/proc/sys/vm/drop_caches
    a=$(date +%s%N); { ${script}; } >/dev/null 2>&1; b=$(date +%s%N); cd /; echo $(((b-a)/1000000)); done; rm -rf $d`;
  const times = (await asRoot(vm, words)).split("\n").map(Number);
  for (const { host } of places) await rm(join(host, run), { recursive: true, force: true });
  return times;
}

function asRoot(vm: Vm, script: string): Promise<string> {
  return vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", script]);
}
