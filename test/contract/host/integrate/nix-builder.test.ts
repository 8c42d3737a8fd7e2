/** The entries below /etc by which Nix finds a VM as its builder. */
import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { changeEtc } from "../../../../src/host/integrate/nix-builder.ts";
import { renderBuilderSshConfig } from "../../../../src/host/integrate/ssh-config.ts";
import { layoutOf } from "../../../../src/host/layout.ts";
import { run } from "../../../../src/system/process.ts";
import { ownUser } from "../../../../src/system/own-user.ts";
import { failureOf } from "../../../support/failures.ts";
import { newFolder } from "../../../support/folder.ts";

const isRoot = process.getuid?.() === 0;
const config = { arch: "x86_64", cpus: 4 } as const;

test.skipIf(!isRoot)("a builder is a line for Nix and an entry for ssh; both go, and nobody else's do", async () => {
  await using folder = await newFolder();
  const etc = folder.path;
  const machines = join(etc, "nix/machines");
  const [web, other] = ["web", "other"].map((name) => layoutOf("/home/ann/.qn").vm(name));
  if (web === undefined || other === undefined) throw new Error("no paths");
  await mkdir(join(etc, "nix"));
  await writeFile(machines, "ssh://mac aarch64-darwin\n");
  for (const paths of [web, other, web]) await changeEtc({ paths, config, mayUseSudo: false, etc });
  const line = (vm: string): string => `ssh-ng://root@qn-${vm}-builder x86_64-linux - 4 1 big-parallel - -\n`;
  expect(await readFile(machines, "utf8")).toBe(`ssh://mac aarch64-darwin\n${line("other")}${line("web")}`);
  expect(await readFile(join(etc, "ssh/ssh_config.d/100-qn-web-builder.conf"), "utf8")).toBe(
    `# Written by qn nix-builder enable web\nMatch localuser root,${ownUser().name}\n  Include "/home/ann/.qn/web/builder_ssh_config"\n`,
  );
  for (const paths of [web, web, other]) await changeEtc({ paths, mayUseSudo: false, etc });
  expect(await readFile(machines, "utf8")).toBe("ssh://mac aarch64-darwin\n");
  expect(await readdir(join(etc, "ssh/ssh_config.d"))).toEqual([]);
});

test.skipIf(!isRoot)("a file that Nix makes is not replaced, and where to say it instead is said", async () => {
  await using folder = await newFolder();
  await mkdir(join(folder.path, "nix"));
  await symlink("/nix/store/x-machines", join(folder.path, "nix/machines"));
  const paths = layoutOf("/home/ann/.qn").vm("web");
  expect(await failureOf(() => changeEtc({ paths, config, mayUseSudo: false, etc: folder.path }))).toMatchObject({
    code: "NOT_PERMITTED",
  });
  expect(await readdir(folder.path)).toEqual(["nix"]);
});

test("ssh finds the builder as root, by the key that can do nothing else", async () => {
  await using folder = await newFolder();
  const paths = layoutOf(join(folder.path, "qn")).vm("web");
  const file = join(folder.path, "config");
  await writeFile(file, renderBuilderSshConfig(paths, 40_022));
  const { stdout } = await run(["ssh", "-G", "-F", file, "qn-web-builder"]);
  for (const line of ["user root", "port 40022", "hostname 127.0.0.1", `identityfile ${paths.builderKey}`]) {
    expect(stdout.split("\n")).toContain(line);
  }
  expect(stdout).toContain("hostkeyalias qn-web\n");
});
