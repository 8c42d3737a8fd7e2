/**
 * What the plugins cost Docker's calls, and whether they are right each time, where nothing is emulated: the guest image's own programs on this machine's kernel, and the
 * supervisor in front of them (test/support/native-guest.ts). For root on Linux:
 *
 *   node_modules/.bin/bun test/bench/native.ts [calls|agent|tmp|rounds|race]…
 *
 * Needs a guest image of this build (`QN_HOME=$PWD/dist/e2e dist/qn image build`), the docker command, and no other load.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { busyboxArchive } from "../support/busybox.ts";
import { fakeVm } from "../support/fake-vm.ts";
import { inNativeGuest, nativeFolder } from "../support/native-guest.ts";
import { repository, runProgram } from "../support/program.ts";
import { measureAgent } from "./agent.ts";
import { measureDockerCalls } from "./docker-calls.ts";
import type { Guest } from "./guest.ts";
import { tell } from "./kept.ts";
import { measureRounds } from "./rounds.ts";
import { measureTmp, raceTmp } from "./tmp.ts";

const benchmarks = {
  calls: measureDockerCalls,
  agent: measureAgent,
  tmp: measureTmp,
  rounds: measureRounds,
  race: raceTmp,
};
const [first, ...wanted] = process.argv.slice(2);

if (first === "inside") await measure();
else {
  // A network of its own, whose ends are the host and the guest.
  const apart = ["unshare", "--mount", "--net", "--propagation", "private"];
  const up = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
  const again = [process.execPath, import.meta.path, "inside", ...process.argv.slice(2)];
  const child = Bun.spawn([...apart, ...up, ...again], { stdio: ["ignore", "inherit", "inherit"] });
  process.exitCode = await child.exited;
}

// --- internal ---

async function measure(): Promise<void> {
  const [inHome, inTmp] = [await mkdtemp(join(homedir(), "qn-native-")), await mkdtemp("/tmp/qn-native-")];
  try {
    await using vm = await fakeVm("native");
    await vm.up({ flags: { mounts: [{ path: inHome }], cpus: 1, memoryMiB: 512, diskGiB: 2 } });
    const socket = vm.paths.dockerSocket;
    const env = { PATH: `${process.env["PATH"] ?? ""}:${join(repository, "dist/tools")}` };
    const docker = async (...words: readonly string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await runProgram(["docker", "-H", `unix://${socket}`, ...words], { env });
      if (exitCode !== 0) throw new Error(stderr);
      return stdout.trim();
    };
    await docker("import", "--change", "ENV PATH=/bin", await busyboxArchive(inTmp), "busybox");
    const folder = nativeFolder(vm.env["QN_QEMU"] ?? "");
    const guest: Guest = { socket, inHome, inTmp, docker, asRoot: (...words) => inNativeGuest(folder, words) };
    for (const [name, bench] of Object.entries(benchmarks)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      await tell(`native.ts ${name}`, await bench(guest, join(folder, "log")), false);
    }
  } finally {
    await runProgram(["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", "*/qn-native*", "-delete"]);
    await Promise.all([inHome, inTmp].map((path) => rm(path, { recursive: true, force: true })));
  }
}
