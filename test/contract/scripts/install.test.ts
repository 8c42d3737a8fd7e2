/** install.sh in each shell that people pipe it into: what it takes, what it refuses, and what it leaves. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseReceipt, receiptFile } from "../../../src/host/upgrade/receipt.ts";
import { findProgram } from "../../../src/system/process.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { installScene, installScript } from "../../support/install-scene.ts";
import { runProgram } from "../../support/program.ts";
import { newReleases } from "../../support/program-release.ts";

setDefaultTimeout(programsMs);

/** By their names; a busybox has one of its own, and its own tools with it. */
const shells: Readonly<Record<string, readonly string[]>> = {
  dash: ["dash"],
  bash: ["bash", "--posix"],
  busybox: ["busybox", "sh"],
};

const scene = await installScene();
afterAll(() => scene[Symbol.asyncDispose]());

const installed = [
  "bin/qn",
  "share/bash-completion/completions/qn",
  "share/doc/qn/LICENSE",
  "share/doc/qn/README.md",
  "share/doc/qn/THIRD-PARTY-NOTICES.txt",
  "share/fish/vendor_completions.d/qn.fish",
  "share/man/man1/qn-up.1",
  "share/man/man1/qn.1",
  "share/zsh/site-functions/_qn",
];

for (const [name, shell] of Object.entries(shells)) {
  describe.skipIf(findProgram(shell[0] ?? "") === undefined)(name, () => {
    test("installs the newest, names each file in its receipt, and takes exactly those away again", async () => {
      const user = await scene.newUser(shell);
      const { exitCode, stdout, stderr } = await user.install();
      expect([exitCode, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`qn 0.2.0 is installed: ${user.prefix}/bin/qn\n`);
      expect(await user.files()).toEqual([...installed, receiptFile].map((file) => `.local/${file}`).toSorted());
      const receipt = parseReceipt(await readFile(join(user.prefix, receiptFile), "utf8"), "");
      const pem = await readFile(scene.releases.keyFile, "utf8");
      expect([receipt.files.toSorted(), receipt.base]).toEqual([installed, scene.server.base.replace(/\/$/, "")]);
      expect(pem).toContain(`\n${receipt.key}\n`);
      const run = await runProgram([join(user.prefix, "bin/qn"), "--version"]);
      expect(run.stdout).toBe("0.2.0 (a stand-in)\n");
      await writeFile(join(user.prefix, "share/man/man1/other.1"), "somebody's");
      await writeFile(join(user.prefix, "bin/.qn.new"), "of an upgrade that was killed");
      const removed = await user.install(["--uninstall"]);
      expect([removed.exitCode, removed.stderr]).toEqual([0, ""]);
      expect(removed.stdout).toContain("VMs stay");
      expect(await user.files()).toEqual([".local/share/man/man1/other.1"]);
      expect(await readdir(user.prefix)).toEqual(["share"]);
      expect((await user.install(["--uninstall"])).stderr).toContain("This script has installed nothing below");
    });

    test("another version takes the place of the first, and what only the first had goes", async () => {
      const user = await scene.newUser(shell);
      expect((await user.install(["--version", "v0.1.0"])).exitCode).toBe(0);
      expect(await user.version()).toBe("0.1.0");
      const place = join(user.prefix, receiptFile);
      const receipt = parseReceipt(await readFile(place, "utf8"), "");
      const old = "share/man/man1/qn-old.1";
      await writeFile(place, `${JSON.stringify({ ...receipt, files: [...receipt.files, old] }, undefined, 2)}\n`);
      await writeFile(join(user.prefix, old), "");
      expect((await user.install()).exitCode).toBe(0);
      expect(await user.version()).toBe("0.2.0");
      expect(await user.files()).toEqual([...installed, receiptFile].map((file) => `.local/${file}`).toSorted());
    });

    test("a folder with spaces, a mirror in a folder, and wget in place of curl do as well", async () => {
      const user = await scene.newUser(shell);
      const prefix = join(user.home, "my tools");
      const local = await user.install(["--prefix", "my tools", "--base", scene.releases.folder]);
      expect([local.exitCode, local.stderr]).toEqual([0, ""]);
      expect((await runProgram([join(prefix, "bin/qn"), "--version"])).stdout).toStartWith("0.2.0");
      const path = await scene.pathWithout(["curl"]);
      const wget = await user.install(["--version", "0.1.0"], { PATH: path });
      expect([wget.exitCode, wget.stderr]).toEqual([0, ""]);
      expect(await user.version()).toBe("0.1.0");
      if (name === "busybox") return; // It has a wget of its own.
      const none = await user.install([], { PATH: await scene.pathWithout(["curl", "wget"]) });
      expect([none.exitCode, none.stderr]).toEqual([1, expect.stringContaining("Neither curl nor wget is here.")]);
    });

    test("what is corrupt, cut, missing or signed by a stranger is refused, and nothing is installed", async () => {
      const user = await scene.newUser(shell);
      const bad = await newReleases(join(scene.folder, `bad-${name}`));
      const from = async (words: readonly string[] = []) => {
        const { exitCode, stderr } = await user.install(words, {
          QN_INSTALL_URL: bad.folder,
          QN_INSTALL_KEY: bad.keyFile,
        });
        expect(await user.files()).toEqual([]);
        return [exitCode, stderr.replaceAll(bad.folder, "~").trim().split("\n").at(-1)];
      };
      const refused = (words: string) => [1, expect.stringContaining(words)];
      expect(await from()).toEqual(refused("install.sh: file://~/latest cannot be fetched."));
      const archive = await bad.add("0.2.0");
      const whole = await readFile(archive);
      await writeFile(archive, Buffer.concat([whole.subarray(0, -1), Buffer.from("x")]));
      expect(await from()).toEqual(refused("is not what SHA256SUMS says"));
      await writeFile(archive, whole);
      await truncate(archive, whole.length - 20);
      expect(await from()).toEqual(refused("is not what SHA256SUMS says"));
      await rm(archive);
      expect(await from()).toEqual(refused(".tar.gz cannot be fetched."));
      await writeFile(archive, whole);
      const sums = join(bad.folder, "v0.2.0/SHA256SUMS");
      await writeFile(sums, (await readFile(sums, "utf8")).replace("plan9", "plan8"));
      expect(await from()).toEqual(refused("is signed by nobody whose key is known. Nothing was installed."));
      await bad.sign("0.2.0");
      expect(await from(["--version", "0.3.0"])).toEqual(refused("/v0.3.0/SHA256SUMS cannot be fetched."));
      await rm(`${sums}.sig`);
      expect(await from()).toEqual(refused("SHA256SUMS.sig cannot be fetched."));
      await bad.sign("0.2.0");
      await writeFile(join(bad.folder, "latest"), "0.2.0; rm -rf /\n");
      expect(await from()).toEqual(refused("is no version of qn."));
      await bad.add("0.2.0", { LICENSE: undefined });
      const { exitCode, stderr } = await user.install([], { QN_INSTALL_URL: bad.folder, QN_INSTALL_KEY: bad.keyFile });
      expect([exitCode, stderr]).toEqual(refused("The archive has no"));
      expect((await user.files()).filter((file) => file.startsWith(".local/bin"))).toEqual([]);
      await rm(user.prefix, { recursive: true });
      await bad.add("0.2.0", { "bin/qn": "#!/bin/sh\necho 'no such loader' >&2\nexit 1\n" });
      const broken = await user.install([], { QN_INSTALL_URL: bad.folder, QN_INSTALL_KEY: bad.keyFile });
      expect([broken.exitCode, broken.stderr]).toEqual(refused("does not run on this machine, and was not installed"));
      expect((await user.files()).filter((file) => file.startsWith(".local/bin"))).toEqual([]);
      await rm(bad.folder, { recursive: true });
    });

    test("it says what was not checked, where there is no key or no OpenSSL 3", async () => {
      const user = await scene.newUser(shell);
      const keyless = await user.install([], { QN_INSTALL_KEY: "" });
      expect([keyless.exitCode, keyless.stdout]).toEqual([0, expect.stringContaining("no signature was checked")]);
      const path = await scene.pathWithout(["openssl"]);
      const old = await user.install([], { PATH: path });
      expect([old.exitCode, old.stdout]).toEqual([0, expect.stringContaining("since OpenSSL 3 is not here")]);
    });

    test("a script that came in part does nothing, wherever it ends", async () => {
      const text = await readFile(installScript);
      const user = await scene.newUser(shell);
      const cuts = new Set(Array.from({ length: 60 }, (_, index) => Math.floor((text.length * index) / 60)));
      for (let back = 2; back < 20; back += 1) cuts.add(text.length - back);
      for (const end of cuts) {
        const { stdout } = await runProgram([...shell, "-s", "--", "--uninstall"], {
          cwd: user.home,
          env: { HOME: user.home, QN_INSTALL_URL: scene.releases.folder, QN_INSTALL_KEY: scene.releases.keyFile },
          stdin: text.subarray(0, end),
        });
        expect([end, stdout, await user.files()]).toEqual([end, "", []]);
      }
      const whole = await runProgram([...shell, "-s", "--", "--base", scene.releases.folder], {
        env: { HOME: user.home, QN_INSTALL_URL: undefined, QN_INSTALL_KEY: scene.releases.keyFile },
        stdin: text,
      });
      expect([whole.exitCode, await user.version()]).toEqual([0, "0.2.0"]);
    });

    // A busybox takes its own uname, whatever is in PATH.
    if (name === "busybox") return;
    test("other systems are refused with a sentence, and Apple Silicon is known below Rosetta", async () => {
      const user = await scene.newUser(shell);
      const machine = async (words: Readonly<Record<string, string>>) => {
        const bin = await mkdtemp(join(scene.folder, "bin-"));
        for (const [program, text] of Object.entries(words)) {
          await writeFile(join(bin, program), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
        }
        const { stdout, stderr } = await user.install(["--base", scene.releases.folder], {
          PATH: `${bin}:${process.env["PATH"]}`,
        });
        await rm(bin, { recursive: true });
        return `${stdout}${stderr}`;
      };
      const uname = (os: string, arch: string) => `[ "$1" = -s ] && echo ${os} || echo ${arch}`;
      expect(await machine({ uname: uname("FreeBSD", "amd64") })).toContain(
        "qn runs on Linux and macOS, and this is FreeBSD.",
      );
      expect(await machine({ uname: uname("Linux", "riscv64") })).toContain("and this machine is riscv64.");
      expect(await machine({ ldd: "echo 'musl libc (x86_64)' >&2; exit 1" })).toContain("made with musl");
      const mac = { uname: uname("Darwin", "x86_64"), sw_vers: "echo 15.1", sysctl: "echo 1" };
      expect(await machine(mac)).toContain("There is no qn 0.2.0 for darwin-arm64");
      expect(await machine({ ...mac, sysctl: "exit 1" })).toContain("There is no qn 0.2.0 for darwin-x64");
      expect(await machine({ ...mac, sw_vers: "echo 12.7.6" })).toContain("qn needs macOS 13 or newer");
      expect(await user.files()).toEqual([]);
    });
  });
}
