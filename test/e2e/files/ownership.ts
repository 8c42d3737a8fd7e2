/** Who owns what a container makes and gives away: docs/files.md has the same as a table. */
import { expect } from "bun:test";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { runPlain, type Vm, type VmTest } from "../../support/vm.ts";
import { inContainer, type Server } from "./where.ts";

/** What a database image does before it starts: it insists on owning its data folder, and nobody else may read it. */
const takeOver = "set -e; chown -R 999:999 /mnt; chmod 700 /mnt; stat -c '%u:%g %a' /mnt";

/** Linux lets root alone give files away: a root who runs qn gets what Docker would do there. */
const isRoot = process.getuid?.() === 0;

const own = ["chown 999 f", "chown 0:0 f"];

/** What containers can do in a plain mount, and what is there then. */
const madeWith: Readonly<Record<Server, { readonly root: readonly string[]; readonly user: readonly string[] }>> = {
  virtiofs: { root: [...own, "mkfifo p", "f", "p"], user: [...own, "mkfifo p", "mknod d c 1 3", "d", "f", "p"] },
  "9p": { root: [...own, "f"], user: ["f"] },
};

/** Ownership with each security, on a Linux host whose QEMU is an ordinary user's, or root's. */
export function ownershipTests(test: VmTest, server: Server): void {
  const whose = isRoot ? "root's" : "an ordinary user's";
  test(`without mapping, modes are real on the host, and owners, pipes and devices what ${whose} ${server} can`, async (vm) => {
    const script = `cd /mnt; echo a >f; chmod 640 f; for command in "chown 999 f" "chown 0:0 f" "mkfifo p" "mknod d c 1 3"
      do $command 2>/dev/null && echo "$command"; done; ls`;
    await mkdir(join(vm.inHome, "plain"));
    expect((await inContainer(vm, "plain", script)).split("\n")).toEqual([
      ...madeWith[server][isRoot ? "root" : "user"],
    ]);
    expect((await stat(join(vm.inHome, "plain/f"))).mode & 0o777).toBe(0o640);
  });

  const database = (vm: Vm): string => join(vm.inHome, "database");
  const words = (vm: Vm): string[] => [
    ...runPlain,
    "--rm",
    "--volume",
    `${database(vm)}:/mnt`,
    "busybox",
    "sh",
    "-c",
    takeOver,
  ];
  if (isRoot) {
    test("a database that insists on owning its folder owns it on the host too where root runs qn", async (vm) => {
      await mkdir(database(vm));
      expect(await vm.docker(...words(vm))).toBe("999:999 700");
      const { uid, gid, mode } = await stat(database(vm));
      expect([uid, gid, mode & 0o777]).toEqual([999, 999, 0o700]);
    });
  } else if (server === "virtiofs") {
    test("a database that insists on owning its folder owns it, and on the host it stays the user's", async (vm) => {
      await mkdir(database(vm));
      expect(await vm.docker(...words(vm))).toBe("999:999 700");
      const { uid, mode } = await stat(database(vm));
      expect([uid, mode & 0o777]).toEqual([process.getuid?.() ?? -1, 0o700]);
    });
  } else {
    test("a database that insists on owning its folder is told so on a plain share", async (vm) => {
      await mkdir(database(vm));
      const refused = await vm.fail(["docker", ...words(vm)]);
      expect(refused.stderr).toContain("/mnt: Operation not permitted");
    });
  }

  test("it works on a share with mapped-xattr, and in a named volume", async (vm) => {
    const use = "echo row >/mnt/table; mkfifo /mnt/pipe; stat -c '%u %a' /mnt/table; cat /mnt/table";
    for (const source of [join(vm.inHome, "mapped"), "database"]) {
      const volume = ["--volume", `${source}:/mnt`];
      const run = (...words: string[]) => vm.docker(...runPlain, "--rm", ...volume, ...words);
      expect(await run("busybox", "sh", "-c", takeOver)).toBe("999:999 700");
      expect(await run("--user", "999:999", "busybox", "sh", "-c", `umask 027; ${use}`)).toBe("999 640\nrow");
    }
    // On the host all of it is the user's, and readable by nobody else.
    const table = await stat(join(vm.inHome, "mapped/table"));
    expect([table.uid, table.mode & 0o777]).toEqual([process.getuid?.() ?? -1, 0o600]);
    expect(await Bun.file(join(vm.inHome, "mapped/table")).text()).toBe("row\n");
  });
}
