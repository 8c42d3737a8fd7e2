/** Where a guest's memory can live: what a save and a resume take by it, and what goes to the disk while it runs. */
import { closeSync } from "node:fs";
import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf, type VmPaths } from "../../src/host/layout.ts";
import { fileMemory, memoryId, sharedMemory } from "../../src/host/qemu/memory.ts";
import { goOn } from "../../src/host/qmp/migrate.ts";
import { type BootRecord, readBootRecord } from "../../src/host/supervisor/boot/boot.ts";
import { newGuestMemory } from "../../src/host/supervisor/boot/guest-memory.ts";
import { type Qemu, startQemu } from "../../src/host/supervisor/boot/qemu.ts";
import { newVoice } from "../../src/host/supervisor/boot/voice.ts";
import { type Launch, loadedQemu } from "../../src/host/supervisor/suspend/load.ts";
import { saveVm } from "../../src/host/supervisor/suspend/save.ts";
import { readHead } from "../../src/host/supervisor/suspend/state.ts";
import { LineReader } from "../../src/protocol/frame.ts";
import { connect } from "../../src/system/net/connection.ts";
import { linesOf } from "../../src/system/net/lines.ts";
import { runProgram } from "../support/program.ts";
import { residentMiB } from "../support/resident.ts";
import type { Vm } from "../support/vm.ts";
import { awaitDocker } from "./bare.ts";
import { keptCredentials } from "./credentials.ts";
import { median, secondsOf } from "./figures.ts";

const name = "places";
const memoryMiB = 1536;
const rounds = 5;
/** What is written is counted for so long: the kernel writes what is dirty for 30 s (vm.dirty_expire_centisecs). */
const countedS = 90;
/** What changes in the guest's memory, and on no disk of its own, while it is at work. */
const load = `timeout ${countedS} sh -c 'while :; do dd if=/dev/urandom of=/dev/shm/load bs=1M count=128 conv=notrunc; done'`;

/** The words that make the memory what it is, if it is not QEMU's own, and the file of one that has a name. */
const places = {
  "QEMU's own memory, in the stream": () => [],
  "a file without a name (memfd), copied beside the stream": () => sharedMemory.inherited(memoryMiB),
  "a file on the disk, left there": ({ memory }: VmPaths) => fileMemory(memory, memoryMiB, true),
} as const;

/** A line for each place. */
export async function measurePlaces(vm: Vm): Promise<string[]> {
  await vm.qn("down");
  const paths = layoutOf(vm.home).vm(name);
  await mkdir(paths.folder, { mode: 0o700 });
  // A mount would be in the way of a save that no agent lets go for.
  const settings = {
    cpus: 2,
    memoryMiB,
    mounts: [],
    files: { tmp: "none", driver: "9p" },
    docker: { context: "none" },
  };
  await Bun.write(paths.config, JSON.stringify(settings));
  await vm.qn("up", name);
  const putCredentials = await keptCredentials({ folder: paths.folder, inTmp: vm.inTmp });
  const boot = await readBootRecord(paths);
  if (boot === undefined) throw new Error("There is no record of the boot.");
  await vm.qn("down", name);
  const lines: string[] = [];
  for (const [place, wordsOf] of Object.entries(places)) {
    await putCredentials();
    const words = wordsOf(paths);
    const told = await measured(
      vm,
      paths,
      { ...boot, argv: withMemory(boot.argv, words) },
      place.includes("on the disk"),
    );
    lines.push(`${place}: ${told}`);
  }
  await vm.qn("delete", name, "--force", "--data");
  await vm.qn("up");
  return lines;
}

// --- internal ---

function withMemory(argv: readonly string[], words: readonly string[]): string[] {
  if (words.length === 0) return [...argv];
  return [
    ...argv.map((word, at) => (argv[at - 1] === "-machine" ? `${word},memory-backend=${memoryId}` : word)),
    ...words,
  ];
}

async function measured(vm: Vm, paths: VmPaths, boot: BootRecord, isOnDisk: boolean): Promise<string> {
  const { signal } = new AbortController();
  const launch = async (words: readonly string[], inherited: readonly number[]): Promise<Qemu> =>
    await startQemu([...boot.argv, ...words], paths, newVoice(paths), { signal, inherited });
  const memory = newGuestMemory(boot.argv, memoryMiB);
  let qemu = await launch([], memory);
  memory.forEach((fd) => closeSync(fd));
  await awaitDocker(qemu.qmp, boot, join(vm.inTmp, "bare.sock"));
  // What a start has left is written by then.
  await Bun.sleep(60_000);
  const atRest = await writtenWhile(qemu, () => Bun.sleep(countedS * 1000));
  const atWork = await writtenWhile(qemu, async () => {
    await vm.fail(["ssh", "-F", paths.sshConfig, "-S", "none", `root@qn-${name}`, load]);
  });
  const throwaway = isOnDisk ? { memoryFile: paths.memory, layer: undefined } : undefined;
  const resident = await residentMiB(qemu.pid ?? 0);
  const times = { save: [] as number[], resume: [] as number[] };
  let stateMiB = 0;
  for (let round = 0; round < rounds; round += 1) {
    const spec = { ...paths, volumes: [], throwaway };
    times.save.push(await secondsOf(() => saveVm(paths, qemu, { boot, spec }, () => {})));
    const head = await readHead(paths.suspended);
    if (head === undefined) throw new Error("There is no saved state.");
    stateMiB = (await stat(paths.suspended)).size / 1024 ** 2;
    // As after some hours, in which others have needed the machine's memory.
    for (const path of [paths.suspended, ...(isOnDisk ? [paths.memory] : [])]) await forget(path);
    const saved = { ...paths, stream: head.stream, memory: head.memory, argv: boot.argv };
    const incoming: Launch = (inherited) => launch(["-S", "-incoming", "defer"], inherited);
    const of = { qemu: { path: "", version: head.qemu }, throwaway, memoryMiB };
    times.resume.push(
      await secondsOf(async () => {
        qemu = await loadedQemu(saved, of, incoming, signal);
        await goOn(qemu.qmp);
        await banner(boot.sshPort);
      }),
    );
    await rm(paths.suspended);
  }
  await qemu.qmp.execute("system_powerdown");
  await qemu.exited;
  const perHour = (bytes: number): string => `${((bytes * 3600) / countedS / 1024 ** 2).toFixed(0)} MiB`;
  return (
    `saved in ${median(times.save).toFixed(2)} s (${stateMiB.toFixed(0)} MiB beside the memory's own file), ` +
    `resumed to sshd's first word in ${median(times.resume).toFixed(2)} s; written in an hour ` +
    `${perHour(atRest)} at rest, ${perHour(atWork)} at work; ${resident.toFixed(0)} MiB resident`
  );
}

/** What the process has caused to be written to disks (proc(5), /proc/PID/io), by maps of files too. */
async function writtenWhile({ pid }: Qemu, work: () => Promise<void>): Promise<number> {
  const written = async () => Number(/^write_bytes: (\d+)/m.exec(await readFile(`/proc/${pid}/io`, "utf8"))?.[1]);
  const before = await written();
  await work();
  return (await written()) - before;
}

/** Has the system forget what it keeps of a file (dd(1), nocache). */
async function forget(path: string): Promise<void> {
  await runProgram(["dd", `of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"]);
}

async function banner(port: number): Promise<void> {
  await linesOf(await connect({ hostname: "127.0.0.1", port }), new LineReader()).next();
}
