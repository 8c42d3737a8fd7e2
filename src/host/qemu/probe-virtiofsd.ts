/** Finds the daemon that serves shares by virtiofs. */
import { QnError } from "../../base/errors.ts";
import { findProgram, run } from "../../system/process.ts";

/** Where distributions put it, which is not in PATH: Debian and Fedora, Arch and Alpine, NixOS. */
const folders = ["/usr/libexec", "/usr/lib", "/usr/lib/virtiofsd", "/run/current-system/sw/bin"];

/** Debian: virtiofsd (13 and newer); Fedora and Arch: virtiofsd. */
const hint = "Install virtiofsd 1.0 or newer (Debian 13, Fedora, Arch: virtiofsd), or use `files.driver: 9p`.";

/** How long it may take to print its version on a busy machine. */
const versionDeadlineMs = 10_000;

/**
 * The program, which QN_VIRTIOFSD may name. Throws CONFIG_INVALID on a system other than Linux, and TOOL_MISSING when
 * there is none that an ordinary user can run: QEMU's own old one, in C, wants root and says another kind of version.
 */
export async function findVirtiofsd(
  env: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
): Promise<string> {
  if (platform !== "linux") {
    throw new QnError("CONFIG_INVALID", "files.driver is virtiofs, which QEMU has on Linux only.", {
      hint: "Use `files.driver: 9p`.",
    });
  }
  const named = env["QN_VIRTIOFSD"] ?? "";
  const path = named === "" ? [env["PATH"] ?? "", ...folders].join(":") : env["PATH"];
  const program = findProgram(named === "" ? "virtiofsd" : named, path);
  if (program === undefined) {
    const where =
      named === "" ? `virtiofsd is in none of ${path}` : `QN_VIRTIOFSD names "${named}", which is no program`;
    throw new QnError("TOOL_MISSING", `files.driver is virtiofs, but ${where}.`, { hint });
  }
  const { stdout } = await run([program, "--version"], { deadlineMs: versionDeadlineMs });
  if (/^virtiofsd [1-9]/.test(stdout)) return program;
  throw new QnError("TOOL_MISSING", `${program} is too old for files.driver virtiofs: it says "${stdout.trim()}".`, {
    hint,
  });
}
