/** A real user manager of systemd's, in a process, mount and cgroup namespace of its own; for root on Linux only. */
import { existsSync } from "node:fs";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./program.ts";

const manager = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"].find((path) => existsSync(path));

/** The tree of control groups with one hierarchy, wherever this system has mounted it. */
const tree = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) => existsSync(join(path, "cgroup.procs")));

/** Whether a user manager can be started here. */
export const mayManage =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  manager !== undefined &&
  tree !== undefined &&
  Bun.spawnSync(["sh", "-c", "exec unshare --mount --cgroup --pid --fork mount -t cgroup2 cgroup /mnt"]).exitCode === 0;

/**
 * Runs a shell script beside a user manager that `systemctl --user` finds; gives back what it has said. `HOME` is `home`. All
 * processes of the manager and of the script end with it.
 */
export async function besideManager(home: string, script: string): Promise<string> {
  const group = join(tree ?? "", `qn-test-${process.pid}`);
  await mkdir(group);
  try {
    const inside = `
mount --make-rprivate / && mount -t tmpfs run /run && mkdir -p /run/systemd/system /run/user/0
while umount -l /sys/fs/cgroup 2>/dev/null; do :; done
mount -t cgroup2 cgroup /sys/fs/cgroup || exit 90
export XDG_RUNTIME_DIR=/run/user/0
"$MANAGER" --user 2>/dev/null &
until systemctl --user is-system-running >/dev/null 2>&1; do sleep 0.1; done
${script}`;
    const { exitCode, stdout, stderr } = await runProgram(
      [
        "sh",
        "-c",
        `echo $$ > '${group}/cgroup.procs' && exec unshare --mount --cgroup --pid --fork --kill-child --mount-proc sh -c "$SCRIPT"`,
      ],
      {
        env: {
          HOME: home,
          MANAGER: manager,
          SCRIPT: inside,
          XDG_CONFIG_HOME: undefined,
          DBUS_SESSION_BUS_ADDRESS: undefined,
        },
      },
    );
    if (exitCode !== 0) throw new Error(`The script ended with status ${exitCode}: ${stdout}${stderr}`);
    return stdout;
  } finally {
    await removeGroup(group);
  }
}

// --- internal ---

/** A group goes when the last of its processes has; those of a namespace end with its first. */
async function removeGroup(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  }
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      return await rmdir(path);
    } catch {
      await Bun.sleep(100);
    }
  }
}
