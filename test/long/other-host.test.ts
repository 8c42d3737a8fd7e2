/** The program for Linux on ARM, run on Intel by QEMU's emulation of a processor: as far as that goes without a VM. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { version } from "../../src/cli/version.ts";
import { isThere } from "../../src/system/files.ts";
import { findProgram } from "../../src/system/process.ts";
import { repository, runProgram } from "../support/program.ts";
import { tempHome } from "../support/temp-home.ts";

/** Debian's package libc6-arm64-cross. */
const libraries = "/usr/aarch64-linux-gnu";
const lacks = process.arch !== "x64" || findProgram("qemu-aarch64-static") === undefined || !(await isThere(libraries));

test.skipIf(lacks)(
  "the program for ARM says its version, completes, and qn doctor names what this machine lacks",
  async () => {
    await using home = await tempHome({ images: false });
    const build = await runProgram([process.execPath, "scripts/build.ts", "--target", "linux-arm64"], {
      cwd: repository,
    });
    expect([build.exitCode, build.stderr]).toEqual([0, ""]);
    const program = join(repository, "dist/qn-linux-arm64");
    const run = async (...words: readonly string[]) =>
      await runProgram(["qemu-aarch64-static", "-L", libraries, program, ...words], { env: { QN_HOME: home.path } });
    expect((await run("--version")).stdout).toStartWith(version);
    expect((await run("ls", "--json")).stdout).toBe("[]\n");
    const doctor = await run("doctor", "--json");
    const findings = JSON.parse(doctor.stdout) as readonly { readonly check: string; readonly level: string }[];
    const checks = findings.map(({ check }) => check);
    expect(checks).toEqual(expect.arrayContaining(["home", "settings", "disk", "tools", "image", "docker", "sockets"]));
    expect(findings.find(({ check }) => check === "home")?.level).toBe("ok");
    expect(doctor.exitCode).toBe(2);
  },
  600_000,
);
