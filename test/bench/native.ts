/**
 * What the plugins cost Docker's calls where nothing is emulated: the guest image's own programs on this machine's kernel, and the
 * supervisor in front of them (test/support/native-guest.ts). For root on Linux:
 *
 *   node_modules/.bin/bun test/bench/native.ts
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
import { measureDockerCalls } from "./docker-calls.ts";
import type { Guest } from "./guest.ts";
import { measureTmp } from "./tmp.ts";

if (process.argv[2] === "inside") await measure();
else {
  // A network of its own, whose ends are the host and the guest.
  const inside = `ip link set lo up && exec "$0" "$1" inside`;
  const apart = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", inside];
  const child = Bun.spawn([...apart, process.execPath, import.meta.path], { stdio: ["ignore", "inherit", "inherit"] });
  process.exitCode = await child.exited;
}

// --- internal ---

async function measure(): Promise<void> {
  const [inHome, inTmp] = [await mkdtemp(join(homedir(), "qn-native-")), await mkdtemp("/tmp/qn-native-")];
  try {
    await using vm = await fakeVm("native");
    await vm.up({ flags: { mounts: [{ path: inHome }], cpus: 1, memoryMiB: 512, diskGiB: 2 } });
    const socket = vm.paths.dockerSocket;
    const archive = await busyboxArchive(inTmp);
    const importing = ["docker", "-H", `unix://${socket}`, "import", "--change", "ENV PATH=/bin", archive, "busybox"];
    const env = { PATH: `${process.env["PATH"] ?? ""}:${join(repository, "dist/tools")}` };
    const imported = await runProgram(importing, { env });
    if (imported.exitCode !== 0) throw new Error(imported.stderr);
    const folder = nativeFolder(vm.env["QN_QEMU"] ?? "");
    const guest: Guest = { socket, inHome, inTmp, asRoot: (...words) => inNativeGuest(folder, words) };
    for (const line of [...(await measureDockerCalls(guest)), ...(await measureTmp(guest))]) console.log(line);
  } finally {
    await runProgram(["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", "*/qn-native*", "-delete"]);
    await Promise.all([inHome, inTmp].map((path) => rm(path, { recursive: true, force: true })));
  }
}
