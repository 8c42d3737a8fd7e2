/** A VM whose guest is not emulated (native-guest.ts), for programs that root runs by hand on Linux. */
import { mkdtemp, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { busyboxArchive } from "./busybox.ts";
import { fakeVm } from "./fake-vm.ts";
import { inNativeGuest, nativeFolder } from "./native-guest.ts";
import { repository, runProgram } from "./program.ts";

/** The VM, with the image `busybox`; its folder `native` has the log of its agent and its Docker. */
export type NativeVm = AsyncDisposable & {
  readonly socket: string;
  readonly log: string;
  /** The variables with which docker talks to it. */
  readonly env: Record<string, string>;
  /** Folders that the guest sees: below the user's home folder, and below /tmp. */
  readonly inHome: string;
  readonly inTmp: string;
  /** Runs a command of Docker's here, or any as root in the guest, and gives back what it prints. */
  docker(...words: readonly string[]): Promise<string>;
  asRoot(...words: readonly string[]): Promise<string>;
};

/** Runs a script with a network of its own, whose ends become the host and the guest, and gives its exit status. */
export async function runApart(script: string, words: readonly string[]): Promise<number> {
  const apart = ["unshare", "--mount", "--net", "--propagation", "private"];
  const up = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
  const child = Bun.spawn([...apart, ...up, process.execPath, script, ...words], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return await child.exited;
}

/** Boots it, with more settings for `docker` than the usual. Only where `runApart` has brought the script. */
export async function nativeVm(docker: Record<string, unknown> = {}): Promise<NativeVm> {
  const [inHome, inTmp] = [await mkdtemp(join(homedir(), "qn-native-")), await mkdtemp("/tmp/qn-native-")];
  const vm = await fakeVm("native");
  const socket = vm.paths.dockerSocket;
  const path = `${process.env["PATH"] ?? ""}:${join(repository, "dist/tools")}`;
  const env = { PATH: path, DOCKER_HOST: `unix://${socket}` };
  const folder = nativeFolder(vm.env["QN_QEMU"] ?? "");
  const native: NativeVm = {
    socket,
    log: join(folder, "log"),
    env,
    inHome,
    inTmp,
    async docker(...words) {
      const { exitCode, stdout, stderr } = await runProgram(["docker", ...words], { env });
      if (exitCode !== 0) throw new Error(stderr);
      return stdout.trim();
    },
    asRoot: (...words) => inNativeGuest(folder, words),
    async [Symbol.asyncDispose]() {
      await vm[Symbol.asyncDispose]();
      await runProgram(["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", "*/qn-native*", "-delete"]);
      await Promise.all([inHome, inTmp].map((each) => rm(each, { recursive: true, force: true })));
    },
  };
  try {
    await vm.up({ flags: { mounts: [{ path: inHome }], cpus: 1, memoryMiB: 512, diskGiB: 2, docker } });
    await native.docker("import", "--change", "ENV PATH=/bin", await busyboxArchive(inTmp), "busybox");
    return native;
  } catch (error) {
    await native[Symbol.asyncDispose]();
    throw error;
  }
}
