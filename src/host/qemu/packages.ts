/** What installs QEMU for a guest, with its firmware, qemu-img and ssh, on each system that has a package of it. */
import type { Arch } from "../../base/words.ts";

/**
 * The line for a shell, by the program that installs packages and the guest's architecture. The first of these programs
 * that is there is the system's own; Homebrew and Nix come along with others. install.sh has the same lines.
 */
export const installLines: Readonly<Record<string, Readonly<Record<Arch, string>>>> = {
  "apt-get": {
    x86_64: "sudo apt-get install qemu-system-x86 qemu-utils ovmf openssh-client",
    aarch64: "sudo apt-get install qemu-system-arm qemu-utils qemu-efi-aarch64 openssh-client",
  },
  dnf: {
    x86_64: "sudo dnf install qemu-system-x86-core qemu-img edk2-ovmf openssh-clients",
    aarch64: "sudo dnf install qemu-system-aarch64-core qemu-img edk2-aarch64 openssh-clients",
  },
  pacman: {
    x86_64: "sudo pacman -S qemu-base edk2-ovmf openssh",
    aarch64: "sudo pacman -S qemu-system-aarch64 qemu-img edk2-aarch64 openssh",
  },
  zypper: {
    x86_64: "sudo zypper install qemu-x86 qemu-tools qemu-ovmf-x86_64 openssh-clients",
    aarch64: "sudo zypper install qemu-arm qemu-tools qemu-uefi-aarch64 openssh-clients",
  },
  apk: {
    x86_64: "sudo apk add qemu-system-x86_64 qemu-img ovmf openssh-client",
    aarch64: "sudo apk add qemu-system-aarch64 qemu-img aavmf openssh-client",
  },
  brew: { x86_64: "brew install qemu", aarch64: "brew install qemu" },
  nix: { x86_64: "nix profile install nixpkgs#qemu", aarch64: "nix profile install nixpkgs#qemu" },
};

/**
 * How this system installs them, as words without an end. `isThere` tells whether there is a program of that name.
 */
export function installHint(arch: Arch, isThere: (program: string) => boolean): string {
  const manager = Object.keys(installLines).find(isThere);
  const line = manager === undefined ? undefined : installLines[manager]?.[arch];
  return line === undefined ? "Install QEMU with UEFI firmware and qemu-img, and OpenSSH's client" : `Run: ${line}`;
}
