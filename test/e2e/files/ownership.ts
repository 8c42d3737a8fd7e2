/** Who owns what a container makes and gives away: docs/files.md has the same as a table. */
import { expect } from "bun:test";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { VmTest } from "../../support/vm.ts";
import { inContainer } from "./where.ts";

/** What a database image does before it starts: it insists on owning its data folder, and nobody else may read it. */
const takeOver = "set -e; chown -R 999:999 /mnt; chmod 700 /mnt; stat -c '%u:%g %a' /mnt";

/** Ownership with each security, on a Linux host whose QEMU is an ordinary user's. */
export function ownershipTests(test: VmTest): void {
  test("without mapping, modes are real on the host, and owners, pipes and devices cannot be made", async (vm) => {
    const script = `cd /mnt; echo a >f; chmod 640 f; for command in "chown 999 f" "chown 0:0 f" "mkfifo p" "mknod d c 1 3"
      do $command 2>/dev/null && echo "$command"; done; ls`;
    await mkdir(join(vm.inHome, "plain"));
    expect(await inContainer(vm, "plain", script)).toBe("f");
    expect((await stat(join(vm.inHome, "plain/f"))).mode & 0o777).toBe(0o640);
  });

  test("a database that insists on owning its folder is told so on a plain share", async (vm) => {
    await mkdir(join(vm.inHome, "database"));
    const volume = ["--volume", `${join(vm.inHome, "database")}:/mnt`];
    const refused = await vm.fail(["docker", "run", "--rm", ...volume, "busybox", "sh", "-c", takeOver]);
    expect(refused.stderr).toContain("/mnt: Operation not permitted");
  });

  test("it works on a share with mapped-xattr, and in a named volume", async (vm) => {
    const use = "echo row >/mnt/table; mkfifo /mnt/pipe; stat -c '%u %a' /mnt/table; cat /mnt/table";
    for (const source of [join(vm.inHome, "mapped"), "database"]) {
      const volume = ["--volume", `${source}:/mnt`];
      const run = (...words: string[]) => vm.docker("run", "--rm", ...volume, ...words);
      expect(await run("busybox", "sh", "-c", takeOver)).toBe("999:999 700");
      expect(await run("--user", "999:999", "busybox", "sh", "-c", `umask 027; ${use}`)).toBe("999 640\nrow");
    }
    // On the host all of it is the user's, and readable by nobody else.
    const table = await stat(join(vm.inHome, "mapped/table"));
    expect([table.uid, table.mode & 0o777]).toEqual([process.getuid?.() ?? -1, 0o600]);
    expect(await Bun.file(join(vm.inHome, "mapped/table")).text()).toBe("row\n");
  });
}
