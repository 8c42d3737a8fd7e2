/** Which tests may be skipped, and for what: everything else that is skipped fails the run. */
import type { Skip } from "./counts.ts";

/** What a machine may lack, and whether this one does; where only the test itself can find out, it may. */
const needs = {
  Linux: () => process.platform !== "linux",
  "Linux on x86_64": () => process.platform !== "linux" || process.arch !== "x64",
  root: () => process.platform !== "linux" || process.getuid?.() !== 0,
  "a right that root may lack": () => true,
  "a kernel that is new enough": () => true,
  "a processor without virtualisation": () => true,
  "an address in a network": () => true,
  "the bridge that a person has made": () => true,
  QEMU: () => true,
  Nix: () => true,
  "an image that a person has built": () => true,
  "a program that a person has fetched": () => true,
  "docker's builder": () => true,
  docker: () => isMissing("docker"),
  busybox: () => isMissing("busybox"),
  dash: () => isMissing("dash"),
  fish: () => isMissing("fish"),
  groff: () => isMissing("groff"),
  zsh: () => isMissing("zsh"),
  python3: () => isMissing("python3"),
  ruby: () => isMissing("ruby"),
  "systemd-analyze": () => isMissing("systemd-analyze"),
} as const;

type Need = keyof typeof needs;

/** Files, and folders with a slash at the end: what some of their tests need. */
export const expectedSkips: Readonly<Record<string, readonly Need[]>> = {
  "test/contract/agent/changes/announce-virtiofs.test.ts": ["Linux on x86_64", "root", "a right that root may lack"],
  "test/contract/agent/changes/announce.test.ts": ["Linux on x86_64"],
  "test/contract/agent/changes/echo-suppression.test.ts": ["root"],
  "test/contract/agent/changes/echo-virtiofs.test.ts": ["root", "a right that root may lack"],
  "test/contract/agent/changes/look-again.test.ts": ["root", "a right that root may lack"],
  "test/contract/agent/changes/mounted-files.test.ts": ["root", "a right that root may lack"],
  "test/contract/agent/docker/localhost.test.ts": ["Linux", "a right that root may lack"],
  "test/contract/agent/setup/keep-alive.test.ts": ["Linux", "a right that root may lack"],
  "test/contract/agent/docker/plugin.test.ts": ["Linux"],
  "test/contract/agent/files/kept-sockets.test.ts": ["a right that root may lack"],
  "test/contract/agent/files/sockets-virtiofs.test.ts": ["root", "a right that root may lack"],
  "test/contract/agent/files/tmp/mirror-virtiofs.test.ts": ["root", "a right that root may lack"],
  "test/contract/agent/files/sockets.test.ts": ["a right that root may lack"],
  "test/contract/agent/files/tmp/mirror.test.ts": ["a right that root may lack"],
  "test/contract/agent/names/": ["Linux"],
  "test/contract/agent/ports/reserved-ports.test.ts": ["Linux"],
  "test/contract/agent/setup/firewall.test.ts": ["a right that root may lack"],
  "test/contract/agent/roles.test.ts": ["a right that root may lack"],
  "test/contract/agent/specialise.test.ts": ["a right that root may lack"],
  "test/contract/cli/colours.test.ts": ["Linux"],
  "test/contract/cli/completion.test.ts": ["fish", "zsh"],
  "test/contract/cli/dry-run.test.ts": ["Linux"],
  "test/contract/cli/env-shells.test.ts": ["fish", "zsh"],
  "test/contract/cli/hostile-words.test.ts": ["Linux"],
  "test/contract/cli/man.test.ts": ["groff"],
  "test/contract/cli/taking-no-more.test.ts": ["Linux"],
  "test/contract/host/changes/overflow.test.ts": ["Linux", "a right that root may lack"],
  "test/contract/host/cp/": ["Linux"],
  "test/contract/host/doctor/mounts.test.ts": ["Linux"],
  "test/contract/host/image/": ["root", "a right that root may lack"],
  "test/contract/host/integrate/docker-context.test.ts": ["docker"],
  "test/contract/host/integrate/nix-builder.test.ts": ["root"],
  "test/contract/host/integrate/service.test.ts": ["python3", "systemd-analyze"],
  "test/contract/host/integrate/socket-link.test.ts": ["Linux"],
  "test/contract/host/integrate/ssh-words.test.ts": ["fish", "zsh"],
  "test/contract/host/integrate/systemd.test.ts": ["a right that root may lack"],
  "test/contract/host/ports/apply.test.ts": ["a right that root may lack"],
  "test/contract/host/ports/privileged.test.ts": ["an address in a network", "a right that root may lack"],
  "test/contract/host/qemu/": ["QEMU", "a processor without virtualisation"],
  "test/contract/host/throwaway/full-disk.root.test.ts": ["a right that root may lack"],
  "test/contract/host/throwaway/real-qemu.test.ts": ["QEMU"],
  "test/contract/host/snapshot/": ["root", "a right that root may lack"],
  "test/contract/host/supervisor/seam/flood.test.ts": ["Linux"],
  "test/contract/host/supervisor/seam/guest-trouble.test.ts": ["Linux"],
  "test/contract/host/upgrade/": ["a right that root may lack"],
  "test/contract/host/virtiofs/": ["root", "a right that root may lack"],
  "test/contract/nix/": ["Nix", "python3"],
  "test/contract/scripts/formula.test.ts": ["Linux", "ruby"],
  "test/contract/scripts/install.test.ts": ["busybox", "dash"],
  "test/contract/scripts/put-agent.test.ts": ["Linux"],
  "test/contract/scripts/release.test.ts": ["Linux"],
  "test/contract/system/being-written.test.ts": ["a kernel that is new enough"],
  "test/contract/system/held-folder.test.ts": ["Linux"],
  "test/contract/system/kernel/fresh-state.test.ts": [
    "a kernel that is new enough",
    "root",
    "a right that root may lack",
  ],
  "test/contract/system/kernel/landlock.test.ts": ["a kernel that is new enough"],
  "test/contract/system/kernel/packets.test.ts": ["Linux"],
  "test/contract/system/kernel/pressure.test.ts": ["a kernel that is new enough"],
  "test/contract/system/net/connection.test.ts": ["Linux"],
  "test/e2e/as-root.root.test.ts": ["a right that root may lack"],
  "test/e2e/ports.test.ts": ["an address in a network"],
  "test/e2e/program-gone.test.ts": ["Linux"],
  "test/e2e/whole-path.test.ts": ["docker's builder", "a right that root may lack"],
  "test/long/bridge.root.test.ts": ["the bridge that a person has made", "a right that root may lack"],
  "test/long/client-suites.root.test.ts": ["a program that a person has fetched", "a right that root may lack"],
  "test/long/clients.test.ts": ["a program that a person has fetched"],
  "test/long/deploy-flake.test.ts": ["Nix"],
  "test/long/docs.root.test.ts": ["a program that a person has fetched"],
  "test/long/flood.test.ts": ["Linux"],
  "test/long/install.root.test.ts": ["an image that a person has built", "a program that a person has fetched"],
  "test/long/nix-builder.test.ts": ["Nix"],
  "test/long/nixos-guest.test.ts": ["Nix"],
  "test/long/other-host.test.ts": ["a program that a person has fetched"],
  "test/long/other-arch.test.ts": ["QEMU", "an image that a person has built"],
  "test/long/pull.test.ts": ["an image that a person has built"],
  "test/long/release.test.ts": ["Linux"],
  "test/long/service.root.test.ts": ["a right that root may lack"],
  "test/long/site.test.ts": ["a program that a person has fetched"],
  "test/long/system-names.root.test.ts": ["root"],
  "test/long/virtiofs-battery.test.ts": ["root", "a right that root may lack"],
  "test/long/virtiofs-database.test.ts": ["a right that root may lack", "a program that a person has fetched"],
  "test/long/virtiofs-killed.test.ts": ["root", "a right that root may lack"],
  "test/long/virtiofs-many.test.ts": ["Linux"],
  "test/long/virtiofs-own.test.ts": ["Linux on x86_64"],
  "test/unit/system/kernel/darwin.test.ts": ["Linux"],
  "test/unit/system/kernel/errno.test.ts": ["Linux"],
};

/** What of what the tests of this file need this machine lacks, or may; nothing when all of them have to run. */
export function lackedBy(file: string): readonly Need[] {
  const named = Object.entries(expectedSkips).find(([path]) =>
    path.endsWith("/") ? file.startsWith(path) : file === path,
  );
  return (named?.[1] ?? []).filter((need) => needs[need]());
}

/** Those that nobody has reason to expect. */
export function unexpectedOf(skips: readonly Skip[]): readonly Skip[] {
  return skips.filter(({ file }) => lackedBy(file).length === 0);
}

// --- internal ---

function isMissing(program: string): boolean {
  return Bun.which(program) === null;
}
