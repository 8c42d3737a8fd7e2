/** OpenSSH's command line for a shell or a command in the guest. */
import { quoted } from "../../base/shell.ts";
import type { Share } from "../config/schema.ts";
import type { VmPaths } from "../layout.ts";

/**
 * The ssh command for `words`, or for a login shell when there are none. It starts in `cwd` when that lies in a share.
 * `options` are more words for ssh itself. ssh hands one string to the remote shell, so every word is quoted for it and
 * arrives as it was given.
 */
export function sshCommand(
  paths: VmPaths,
  shares: readonly Pick<Share, "path" | "readOnly">[],
  cwd: string,
  words: readonly string[] | undefined,
  isTerminal: boolean,
  options: readonly string[] = [],
): readonly string[] {
  const isShared = shares.some(({ path }) => `${cwd}/`.startsWith(path === "/" ? "/" : `${path}/`));
  const enter = isShared ? `cd ${quoted(cwd)} 2>/dev/null; ` : "";
  const remote = words === undefined || words.length === 0 ? 'exec "$SHELL" -l' : `exec ${words.map(quoted).join(" ")}`;
  return ["ssh", "-F", paths.sshConfig, isTerminal ? "-t" : "-T", ...options, `qn-${paths.name}`, `${enter}${remote}`];
}
