/** `qn up --dry-run`: QEMU's command line as the settings make it, on a machine with sound and a screen and on one without. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fakeVm, type FakeVm, programsMs } from "../../support/fake-vm.ts";
import { type Outcome, repository, runProgram } from "../../support/program.ts";

setDefaultTimeout(programsMs);

/** A QEMU that knows these sound and window systems, in a session that has them, or in none. */
async function machine(settings: string, hasMedia: boolean) {
  const vm = await fakeVm("boots");
  const qemu = join(vm.layout.home, "_tools/media");
  const script = [
    "#!/bin/sh",
    'case "$1" in',
    "--version) echo 'QEMU emulator version 9.9.9';;",
    "-audiodev) printf 'Available audio drivers:\\nnone\\npa\\nalsa\\n';;",
    "-display) printf 'Available display backend types:\\nnone\\nsdl\\n';;",
    "*) echo tcg;;",
    "esac",
  ];
  await writeFile(qemu, `${script.join("\n")}\n`);
  await chmod(qemu, 0o755);
  const session = join(vm.layout.home, "_tools/session");
  await mkdir(join(session, "pulse"), { recursive: true });
  await writeFile(join(session, "pulse/native"), "");
  await writeFile(vm.paths.commonConfig, `mounts: []\n${settings}`);
  const media = hasMedia ? { XDG_RUNTIME_DIR: session, DISPLAY: ":0" } : { XDG_RUNTIME_DIR: vm.layout.home };
  return {
    vm,
    dryRun: (...words: readonly string[]) => dryRun(vm, { ...media, QN_QEMU: qemu }, words),
    [Symbol.asyncDispose]: () => vm[Symbol.asyncDispose](),
  };
}

function dryRun(vm: FakeVm, env: Record<string, string>, words: readonly string[]): Promise<Outcome> {
  const program = [process.execPath, join(repository, "src/main.ts"), "up", "--dry-run", "--accel", "tcg", ...words];
  const none = { DISPLAY: undefined, WAYLAND_DISPLAY: undefined };
  return runProgram(program, { env: { ...vm.env, ...none, NO_COLOR: "1", QN_HOME: vm.layout.home, ...env } });
}

/** The words that follow an option on a command line, each time that it is there. */
function values(line: string, option: string): string[] {
  const words = line.trim().split(" ");
  return words.flatMap((word, index) => (words[index - 1] === option ? [word] : []));
}

/** What only Linux has; a Mac's session has Core Audio and Cocoa always. */
const onLinux = test.skipIf(process.platform !== "linux");

onLinux("sound, a window and QEMU's own words are on the command line, and nothing was made", async () => {
  const settings = [
    "sound: true",
    "window: true",
    "qemu:",
    "  cpu: max,-avx512f",
    "  machine: { hmat: true }",
    '  args: ["-device", "usb-ehci", "-name", "a b"]',
  ];
  await using here = await machine(settings.join("\n"), true);
  const before = await readdir(here.vm.layout.home);
  const { exitCode, stdout, stderr } = await here.dryRun();
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(values(stdout, "-audiodev")).toEqual(["pa,id=sound"]);
  expect(values(stdout, "-display")).toEqual(["sdl"]);
  expect(values(stdout, "-device")).toEqual(expect.arrayContaining(["hda-output,audiodev=sound", "usb-ehci"]));
  expect(values(stdout, "-cpu")).toEqual(["max,-avx512f"]);
  expect(values(stdout, "-machine").join(" ")).toContain("hmat=on");
  expect(stdout.trimEnd().endsWith("-device usb-ehci -name 'a b'")).toBe(true);
  // What sound and windows start would be forbidden.
  expect(values(stdout, "-sandbox")).toEqual([]);
  // What a program from its source brings (.bun) is not the command's.
  const made = (await readdir(here.vm.layout.home)).filter((name) => !before.includes(name) && name !== ".bun");
  expect(made).toEqual(["_cache"]);
});

onLinux("without them there is neither sound nor a window", async () => {
  await using here = await machine("", true);
  const { stdout } = await here.dryRun();
  expect([values(stdout, "-audiodev"), values(stdout, "-display"), values(stdout, "-sandbox").length]).toEqual([
    [],
    ["none"],
    1,
  ]);
});

onLinux("sound and a window are refused where nothing could play or show them, both at once", async () => {
  await using here = await machine("sound: true\nwindow: true\n", false);
  const { exitCode, stdout, stderr } = await here.dryRun();
  expect([exitCode, stdout]).toEqual([5, ""]);
  expect(stderr).toContain("can use none of pipewire, pa, alsa here");
  expect(stderr).toContain("can use none of gtk, sdl here");
});

onLinux("QEMU's own words may not take control of it", async () => {
  await using here = await machine('qemu: { args: ["-monitor", "stdio"] }\n', true);
  const { exitCode, stderr } = await here.dryRun();
  expect([exitCode, stderr]).toEqual([5, expect.stringContaining("is refused: only the supervisor controls QEMU")]);
});
