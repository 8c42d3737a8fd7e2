/** The formula for Homebrew, read by Ruby, and done with a stand-in of Homebrew (test/fixtures/homebrew.rb). */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../../package.json";
import { makeWholeRelease } from "../../../scripts/support/release/whole.ts";
import { hashOf } from "../../../src/host/image/store.ts";
import { findProgram } from "../../../src/system/process.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { newFolder } from "../../support/folder.ts";
import { releaseParts } from "../../support/made-release.ts";
import { repository, runProgram } from "../../support/program.ts";

setDefaultTimeout(programsMs);
const isSkipped = process.platform !== "linux" || findProgram("ruby") === undefined;
const standIn = ["ruby", "-W", join(repository, "test/fixtures/homebrew.rb")];
const { version } = manifest;

/** Homebrew's words for a machine, and those of qn's archives. */
const machines = [
  ["macos", "arm", "darwin-arm64"],
  ["macos", "intel", "darwin-x64"],
  ["linux", "arm", "linux-arm64"],
  ["linux", "intel", "linux-x64"],
] as const;

test.skipIf(isSkipped)("Homebrew takes each machine's own archive, by its sum, and QEMU with it", async () => {
  await using folder = await newFolder();
  const made = await makeWholeRelease(await releaseParts(folder.path, { images: "leave out" }));
  const formula = join(made.folder, "qn.rb");
  expect(await runProgram(["ruby", "-wc", formula])).toEqual({ exitCode: 0, stdout: "Syntax OK\n", stderr: "" });
  for (const [system, architecture, target] of machines) {
    const { exitCode, stdout, stderr } = await runProgram([...standIn, formula, system, architecture]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    const name = `qn-${version}-${target}.tar.gz`;
    expect(JSON.parse(stdout)).toMatchObject({
      version,
      license: "MIT",
      url: `https://mirror.example/qn/v${version}/${name}`,
      sha256: await hashOf(join(made.folder, name)),
      depends_on: system === "macos" ? ["qemu", { macos: "ventura" }] : ["qemu"],
      // Homebrew's launchd takes the first of these words, its systemd the second.
      service: {
        run: ["/opt/homebrew/opt/qn/bin/qn", "supervise", "default", "--service"],
        keep_alive: system === "macos" ? { successful_exit: false } : { crashed: true },
        process_type: "interactive",
        environment_variables: { PATH: "/opt/homebrew/bin:/opt/homebrew/sbin:/usr/bin:/bin:/usr/sbin:/sbin" },
      },
      caveats: expect.stringContaining("brew services start qn\n"),
    });
  }
});

test.skipIf(isSkipped)(
  "what it installs is in the archive, and its own test passes for a release and for no other program",
  async () => {
    await using folder = await newFolder();
    const parts = await releaseParts(folder.path, { images: "leave out" });
    const made = await makeWholeRelease(parts);
    const archive = `qn-${version}-linux-x64`;
    await runProgram(["tar", "-xzf", join(made.folder, `${archive}.tar.gz`), "-C", folder.path]);
    const prefix = join(folder.path, "keg");
    const install = [...standIn, join(made.folder, "qn.rb"), "linux", "intel", join(folder.path, archive), prefix];
    expect(await runProgram(install)).toMatchObject({ exitCode: 0, stderr: "" });
    const files = (await readdir(prefix, { recursive: true })).toSorted();
    for (const file of [
      "bin/qn",
      "etc/bash_completion.d/qn",
      "share/zsh/site-functions/_qn",
      "share/fish/vendor_completions.d/qn.fish",
      "share/man/man1/qn.1",
      "share/man/man1/qn-up.1",
      "share/doc/qn/THIRD-PARTY-NOTICES.txt",
    ])
      expect(files).toContain(file);
    await writeFile(join(folder.path, archive, "bin/qn"), `#!/bin/sh\necho '${version} (built from a checkout)'\n`);
    const other = await runProgram(install);
    expect([other.exitCode, other.stderr]).toEqual([1, expect.stringContaining('has no "release"')]);
  },
);
