/** The files of a release's archive, and where they go below a prefix such as ~/.local; install.sh has the same. */

/** Folder of the manual pages in an archive, and below a prefix. */
export const pagesFolder = "share/man/man1";

/** Where the archive has what makes a shell complete commands, by the shell's name. */
export const completionFiles: Readonly<Record<string, string>> = {
  bash: "share/completions/qn.bash",
  zsh: "share/completions/_qn",
  fish: "share/completions/qn.fish",
};

/** By their paths in the archive: everything but the manual pages. */
const targets: Readonly<Record<string, string>> = {
  "bin/qn": "bin/qn",
  "share/completions/qn.bash": "share/bash-completion/completions/qn",
  "share/completions/_qn": "share/zsh/site-functions/_qn",
  "share/completions/qn.fish": "share/fish/vendor_completions.d/qn.fish",
  LICENSE: "share/doc/qn/LICENSE",
  "THIRD-PARTY-NOTICES.txt": "share/doc/qn/THIRD-PARTY-NOTICES.txt",
  "README.md": "share/doc/qn/README.md",
};

/** Where the file at this path of an archive goes; nothing for one that this qn does not know. */
export function targetOf(path: string): string | undefined {
  if (/^share\/man\/man1\/qn[a-z-]*\.1$/.test(path)) return path;
  return Object.hasOwn(targets, path) ? targets[path] : undefined;
}

/** Whether the program prints the file at this path below the prefix: a manual page, or what completes commands. */
export function isPrinted(target: string): boolean {
  return (
    target.startsWith(`${pagesFolder}/`) || Object.values(completionFiles).some((path) => targets[path] === target)
  );
}

/** Below the prefix: the program, the one before it, one that is not in place yet, and a second name on the way. */
export const programFiles = {
  now: "bin/qn",
  previous: "bin/qn.previous",
  next: "bin/.qn.new",
  aside: "bin/.qn.old",
} as const;

/** The list, as sha256sum(1) reads it, and an ed25519 signature (RFC 8032) of its bytes in base64, on one line. */
export const sumsFiles = { list: "SHA256SUMS", signature: "SHA256SUMS.sig" } as const;

/** The name of an archive without its ending, which is also that of its top folder. */
export function archiveName(version: string, platform: string): string {
  return `qn-${version}-${platform}`;
}

/** Versions are numbers with dots between, nothing else. */
export function isVersion(text: string): boolean {
  return /^\d{1,9}(\.\d{1,9}){0,4}$/.test(text);
}

/** What a list of sums (sha256sum(1)) says of archives for a platform: the sum of each, by its version. */
export function archivesIn(sums: string, platform: string): ReadonlyMap<string, string> {
  const rows = sums.split("\n").flatMap((line) => {
    const [, sum = "", name = ""] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    const version = name.replace(/^qn-/, "").replace(`-${platform}.tar.gz`, "");
    return isVersion(version) && name === `${archiveName(version, platform)}.tar.gz` ? [[version, sum] as const] : [];
  });
  return new Map(rows);
}
