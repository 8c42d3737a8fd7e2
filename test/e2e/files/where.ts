/** Paths that break what is not careful, and how a container is given one. */
import { join } from "node:path";
import { runPlain, type Vm } from "../../support/vm.ts";

/** Names of shares with all that QEMU's options, JSON, the mount table and the shell have a meaning for. */
export const oddPaths = ["with space, comma,, \"two\" and 'one'", "ünï 日本 \\ $x", "two\nlines\ttab #"] as const;

/** What serves the plain mounts of a VM. */
export type Server = "virtiofs" | "9p";

/** Runs a shell script in a container with the host folder `name` of the test's own at /mnt. */
export function inContainer(vm: Vm, name: string, script: string, ...options: readonly string[]): Promise<string> {
  const volume = ["--volume", `${join(vm.inHome, name)}:/mnt`];
  return vm.docker(...runPlain, "--rm", ...volume, ...options, "busybox", "sh", "-c", script);
}

/** Runs a script of Bun in the guest itself, as the login user: what busybox has no program for. */
export function inGuest(vm: Vm, script: string): Promise<string> {
  return vm.qn("ssh", "--", "sh", "-c", `ulimit -n 30000; BUN_BE_BUN=1 exec /usr/local/bin/qn -e "$0"`, script);
}
