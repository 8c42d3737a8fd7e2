/** A share beside the guest's own disk, for each way to mount it: the same work on both, in the guest, in turn. */
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { gitArchive } from "../support/git-image.ts";
import { bootArgs, type Vm } from "../support/vm.ts";
import { median } from "./figures.ts";

const rounds = 1;
const files = 20_000;

/** The guest's own disk. */
const ownDisk = "/var/lib/qn/bench";

/** The mount options that are tried on a plain share; the first is what qn uses. */
const ways = [
  "msize=512000,cache=mmap",
  "msize=512000,cache=none",
  "msize=512000,cache=loose",
  "msize=131072,cache=mmap",
  "msize=16384,cache=mmap",
] as const;

/** A kind of work: a shell script for the new folder `$d`; `before` is not measured. */
type Work = { readonly before: string; readonly script: string };

const forget = "sync; echo 3 >/proc/sys/vm/drop_caches";
const large = "dd if=/dev/zero of=$d/big bs=1M count=100 conv=fsync";

const works: Readonly<Record<string, Work>> = {
  "100 MB written": { before: "true", script: large },
  "100 MB read": { before: `${large}; ${forget}`, script: "dd if=$d/big of=/dev/null bs=1M" },
  "100 MB read again": { before: `${large}; cat $d/big`, script: "dd if=$d/big of=/dev/null bs=1M" },
  "5,000 small files made": { before: "true", script: "cd $d; for i in $(seq 5000); do echo $i >$i; done" },
};

/** The same on the tree of 20,000 files, which lies beside `$d` from the beginning. */
const treeWorks: Readonly<Record<string, Work>> = {
  "find in 20,000 files": { before: forget, script: "find $d/../tree -size +1k" },
  "git status of 20,000 files": { before: "$git status", script: "$git status" },
};

/** Gives a VM shares of their own for this: a 9p tag can be mounted once, and is let go to be mounted otherwise. */
export async function benchShares(vm: Vm): Promise<void> {
  await writeSettings(vm, {});
}

/** The ratios of the times, a line for each kind of work and way to mount. */
export async function measureShares(vm: Vm): Promise<string[]> {
  const plain = join(vm.inHome, "bench");
  const mapped = join(vm.inHome, "mapped");
  await makeTree(vm, plain);
  const lines: string[] = [];
  for (const options of ways) {
    await remount(vm, plain, options);
    const isUsualSize = options.includes("msize=512000");
    lines.push(...(await compare(vm, options, plain, isUsualSize ? { ...works, ...treeWorks } : works)));
  }
  const { "5,000 small files made": made, "100 MB read": read } = works;
  lines.push(...(await compare(vm, "mapped-xattr", mapped, { "5,000 small files made": made, "100 MB read": read })));
  return [...lines, ...(await withVirtiofs(vm, plain))];
}

// --- internal ---

const always = "trans=virtio,version=9p2000.L,access=client";

async function writeSettings(vm: Vm, files: { driver?: "virtiofs" }): Promise<void> {
  const mounts = ["bench", "mapped"].map((name) => ({
    path: join(vm.inHome, name),
    ...(name === "mapped" ? { security: "mapped-xattr" } : {}),
  }));
  for (const { path } of mounts) await mkdir(path, { recursive: true });
  await mkdir(vm.folder, { recursive: true, mode: 0o700 });
  await Bun.write(join(vm.folder, "config.yaml"), JSON.stringify({ files, mounts: [{ path: homedir() }, ...mounts] }));
}

/** The same with the daemon of QN_VIRTIOFSD or of this machine, where there is one. */
async function withVirtiofs(vm: Vm, share: string): Promise<string[]> {
  await vm.qn("down");
  await writeSettings(vm, { driver: "virtiofs" });
  try {
    await vm.qn("up", ...bootArgs);
    return await compare(vm, "virtiofs, cache=auto", share, { ...works, ...treeWorks });
  } catch (error) {
    return [`virtiofs is not measured: ${String(error).split("\n")[1] ?? ""}`];
  } finally {
    await vm.qn("down");
    await writeSettings(vm, {});
    await vm.qn("up", ...bootArgs);
  }
}

/** A repository of 20,000 files, once on the share and once on the guest's own disk, and git for the guest. */
async function makeTree(vm: Vm, share: string): Promise<void> {
  const tree = join(share, "tree");
  await mkdir(tree, { recursive: true });
  for (let folder = 0; folder < 200; folder += 1) {
    const names = Array.from({ length: files / 200 }, (_, index) => join(tree, `d${folder}/f${index}`));
    await Promise.all(names.map((name) => Bun.write(name, `${name}\n`)));
  }
  const who = ["-c", "user.name=a", "-c", "user.email=a@b"];
  for (const words of [
    ["init", "-q"],
    ["add", "-A"],
    [...who, "commit", "-qm", "first"],
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

async function compare(
  vm: Vm,
  way: string,
  share: string,
  kinds: Readonly<Record<string, Work | undefined>>,
): Promise<string[]> {
  const lines: string[] = [];
  for (const [name, work] of Object.entries(kinds)) {
    if (work === undefined) continue;
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round <= rounds; round += 1) {
      const values = [await timed(vm, share, work), await timed(vm, ownDisk, work)] as const;
      // The first round warms everything up.
      if (round > 0) values.forEach((value, index) => times[index]?.push(value));
    }
    const [ours, theirs] = [median(times[0]), median(times[1])];
    const parts = `${ours.toFixed(0)} and ${theirs.toFixed(0)} ms`;
    lines.push(`${way}, ${name}: ${(ours / theirs).toFixed(1)} times as long (${parts})`);
    console.log(`  … ${lines.at(-1)}`);
  }
  return lines;
}

async function timed(vm: Vm, folder: string, work: Work): Promise<number> {
  const root = `${ownDisk}/git/busybox`;
  const git = `$(ls ${root}/lib64/ld-*) --library-path ${root}/lib/x86_64-linux-gnu:${root}/lib/aarch64-linux-gnu ${root}/bin/git`;
  const script = `set -e; d=${folder}/run; git="${git} -c safe.directory=* -C ${folder}/tree"
    rm -rf $d; mkdir -p $d; { ${work.before}; } >/dev/null 2>&1
    a=$(date +%s%N); { ${work.script}; } >/dev/null; b=$(date +%s%N); cd /; rm -rf $d; echo $(((b-a)/1000000))`;
  return Number(await asRoot(vm, script));
}

function asRoot(vm: Vm, script: string): Promise<string> {
  return vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", script]);
}
