/**
 * One connection to the guest for all ssh commands of some minutes: ssh's own control master (ssh_config(5),
 * ControlMaster).
 */
import { rm } from "node:fs/promises";
import { isListenedAt } from "../../system/net/connection.ts";
import { isThere } from "../../system/files.ts";
import { acquireLock, type Lock } from "../../system/kernel/lock.ts";
import { run } from "../../system/process.ts";
import { type SshLogin, sshMasterLock, sshMasterSocket, type VmPaths } from "../layout.ts";

/** How a master is made by whoever comes first, and how long it stays when nobody uses it. */
export const masterSettings = { ControlMaster: "auto", ControlPersist: "10m" } as const;

/** Words for an ssh that has a connection of its own. */
export const unsharedWords: readonly string[] = ["-S", "none"];

/** A master that does not answer within this time has nobody to answer to. */
const answerMs = 5_000;

/**
 * Words for an ssh that uses the VM's master, or becomes it; to be disposed of when that ssh has ended. While another
 * command is just becoming the master this one gets a connection of its own: ssh would say on its standard error that
 * it was late.
 */
export async function shareMaster(
  paths: VmPaths,
  login: SshLogin,
): Promise<{ readonly words: readonly string[] } & Disposable> {
  const socket = sshMasterSocket(paths, login);
  if (socket === undefined) return { words: unsharedWords, [Symbol.dispose]: () => {} };
  const settings = Object.entries(masterSettings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  // ssh reads tokens in it (TOKENS in ssh_config(5)).
  const words = [...settings, "-S", socket.replaceAll("%", "%%")];
  if (await isListenedAt(socket)) return { words, [Symbol.dispose]: () => {} };
  const lock = lockIfPossible(sshMasterLock(paths, login));
  return { words: lock === undefined ? unsharedWords : words, [Symbol.dispose]: () => lock?.release() };
}

/**
 * Has every master of the VM's take no more commands, and end with the last one that it has; the next command makes a
 * new one. For a guest that went away or became another one, or that nobody has seen for a while: a connection to it
 * may look alive for hours.
 */
export async function dismissMasters(paths: VmPaths): Promise<void> {
  for (const login of ["user", "root"] as const) {
    const socket = sshMasterSocket(paths, login);
    if (socket === undefined || !(await isThere(socket))) continue;
    const words = ["-F", "/dev/null", "-S", socket.replaceAll("%", "%%"), "-O", "stop", `qn-${paths.name}`];
    // One that has ended leaves a socket, or nothing; without ssh there is none.
    await run(["ssh", ...words], { deadlineMs: answerMs }).catch(() => {});
    await rm(socket, { force: true });
  }
}

// --- internal ---

/** A full disk keeps nobody out of the guest. */
function lockIfPossible(path: string): Lock | undefined {
  try {
    return acquireLock(path);
  } catch {
    return undefined;
  }
}
