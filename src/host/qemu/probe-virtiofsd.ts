/** Finds the daemon that serves shares by virtiofs. */
import { QnError } from "../../base/errors.ts";
import { findProgram, run } from "../../system/process.ts";

/** Where distributions put it, which is not in PATH: Debian and Fedora, Arch and Alpine, NixOS. */
const folders = ["/usr/libexec", "/usr/lib", "/usr/lib/virtiofsd", "/run/current-system/sw/bin"];

/** Debian: virtiofsd (13 and newer); Fedora and Arch: virtiofsd. */
const hint = "Install virtiofsd 1.0 or newer (Debian 13, Fedora, Arch: virtiofsd), or use `files.driver: 9p`.";

/**
 * What systemd lets a user's programs have (systemd-system.conf(5), DefaultLimitNOFILE); the daemon asks for twice as
 * many.
 */
const openFilesEnough = 524_288;

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

/**
 * What to say where the daemon may open few files, of the text of proc_pid_limits(5): it keeps one open for each that
 * the guest's kernel remembers, and past its limit every look at another one fails (ENFILE).
 */
export function openFilesWarning(limits: string): string | undefined {
  const hard = /^Max open files +\S+ +(\d+)/m.exec(limits)?.[1];
  if (hard === undefined || Number(hard) >= openFilesEnough) return undefined;
  return (
    `virtiofsd may open ${hard} files here, and a mount fails with "Too many open files in system" in a folder with more. ` +
    "Raise the hard limit (`ulimit -Hn`, LimitNOFILE=), or use `files.driver: 9p`."
  );
}
