/** What install.sh says and leaves alone, whatever the shell. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installLines } from "../../../src/host/qemu/packages.ts";
import { receiptFile } from "../../../src/host/upgrade/receipt.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { installScene, installScript } from "../../support/install-scene.ts";
import { runProgram } from "../../support/program.ts";

setDefaultTimeout(programsMs);

const scene = await installScene();
afterAll(() => scene[Symbol.asyncDispose]());

test("install.sh names the line that `qn doctor` names, for each system's packages", async () => {
  const named: Record<string, Record<string, string>> = {};
  for (const manager of Object.keys(installLines)) {
    const path = await scene.pathWithout([...Object.keys(installLines), "qemu-system-x86_64", "qemu-system-aarch64"]);
    await writeFile(join(path, manager), "", { mode: 0o755 });
    for (const [arch, machine] of [
      ["x86_64", "x64"],
      ["aarch64", "arm64"],
    ] as const) {
      const text = (await readFile(installScript, "utf8")).replace(/\{ main .*\n$/, `arch=${machine}\nqemu_line\n`);
      const { stdout } = await runProgram(["sh"], { env: { PATH: path }, stdin: Buffer.from(text) });
      named[manager] = { ...named[manager], [arch]: stdout.trim() };
    }
  }
  expect(named).toEqual(installLines);
});

test("the line for PATH is that of the user's shell, and a folder in PATH gets none", async () => {
  const user = await scene.newUser(["sh"]);
  const advice = async (env: Record<string, string | undefined>) => (await user.install([], env)).stdout;
  const line = `export PATH="${user.prefix}/bin:$PATH"`;
  expect(await advice({ SHELL: "/bin/bash" })).toContain(`\n  echo '${line}' >> ~/.bashrc\n`);
  expect(await advice({ SHELL: "/usr/bin/zsh" })).toContain(`\n  echo '${line}' >> ~/.zshrc\n`);
  expect(await advice({ SHELL: "/usr/bin/fish" })).toContain(`\n  fish_add_path "${user.prefix}/bin"\n`);
  expect(await advice({ SHELL: "/bin/ksh" })).toContain(`\n  echo '${line}' >> ~/.profile\n`);
  const there = await advice({ PATH: `${user.prefix}/bin:${process.env["PATH"]}` });
  expect([there.includes("is not in PATH. This"), there.includes("comes first in PATH")]).toEqual([false, false]);
});

test("a program that somebody else has put there is left alone, and so is one that install.sh cannot replace", async () => {
  const user = await scene.newUser(["sh"]);
  await mkdir(join(user.prefix, "bin"), { recursive: true });
  await writeFile(join(user.prefix, "bin/qn"), "mine");
  const { exitCode, stderr } = await user.install();
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("this script has not installed it")]);
  expect(await user.files()).toEqual([".local/bin/qn"]);
  await rm(join(user.prefix, "bin/qn"));
  expect((await user.install(["--version", "0.1.0"])).exitCode).toBe(0);
  await rm(join(user.prefix, "share/doc/qn/LICENSE"));
  await mkdir(join(user.prefix, "share/doc/qn/LICENSE"));
  expect((await user.install()).stderr).toContain("LICENSE is a folder.");
  expect(await user.version()).toBe("0.1.0");
});

test("a receipt that names files of others takes none of them away", async () => {
  const user = await scene.newUser(["sh"]);
  expect((await user.install()).exitCode).toBe(0);
  const place = join(user.prefix, receiptFile);
  await writeFile(join(user.home, "precious"), "");
  await writeFile(join(user.prefix, "precious"), "");
  const text = await readFile(place, "utf8");
  const lines = ["share/../../precious", "precious", "/etc/hostname", join(user.home, "precious")];
  await writeFile(
    place,
    text.replace('"files": [\n', `"files": [\n${lines.map((line) => `    "${line}",\n`).join("")}`),
  );
  expect((await user.install(["--uninstall"])).exitCode).toBe(0);
  expect(await user.files()).toEqual([".local/precious", "precious"]);
});

test("wrong words are refused before anything is asked for", async () => {
  const user = await scene.newUser(["sh"]);
  const said = async (words: readonly string[], env = {}) => (await user.install(words, env)).stderr.trim();
  const before = scene.server.seen.length;
  expect([
    await said(["--prefix"]),
    await said(["--verison", "1"]),
    await said(["--base", "http://mirror.example"]),
    await said(["--base", "ftp://mirror.example"]),
    await said(["--prefix", '/tmp/"x']),
    await said([], { HOME: undefined }),
  ]).toEqual([
    "install.sh: --prefix needs a value.",
    'install.sh: "--verison" is not an option; --help lists them.',
    'install.sh: "http://mirror.example" is no https address and no folder.',
    'install.sh: "ftp://mirror.example" is no https address and no folder.',
    expect.stringContaining("A quote, a backslash or a control character"),
    "install.sh: HOME is not set; name a folder with --prefix.",
  ]);
  expect([scene.server.seen.length, await user.files()]).toEqual([before, []]);
});
