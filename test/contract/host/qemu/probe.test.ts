/** Probing this host, whatever it is, and QEMUs that are not what they should be. */
import { afterAll, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QnError } from "../../../../src/base/errors.ts";
import { arches } from "../../../../src/base/words.ts";
import { guestPlatforms } from "../../../../src/host/qemu/platforms.ts";
import { lookAtAccel, runMiniGuest } from "../../../../src/host/qemu/probe-accel.ts";
import { type Trials, remembered } from "../../../../src/host/qemu/probe-cache.ts";
import { probeHost } from "../../../../src/host/qemu/probe.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { findProgram } from "../../../../src/system/process.ts";
import { withoutTmp } from "../../../support/without-tmp.ts";

const folder = await mkdtemp(join(tmpdir(), "probe-"));
const cacheFolder = join(folder, "cache");

/** What a trial says of a QEMU that can serve mounts so. */
const virtiofs = { usable: true } as const;

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** A program that calls itself QEMU 9.9.9 and notes how it is called. */
async function fakeQemu(name: string, version = "QEMU emulator version 9.9.9"): Promise<string> {
  const path = join(folder, name);
  const script = [
    "#!/bin/sh",
    `echo "$*" >> '${path}.calls'`,
    'case "$1" in',
    `--version) echo '${version}';;`,
    "-audiodev) printf 'Available audio drivers:\\nnone\\npipewire\\npa\\n';;",
    "-display) printf 'Available display backend types:\\nnone\\nsdl\\n';;",
    "esac",
  ];
  await writeFile(path, `${script.join("\n")}\n`);
  await chmod(path, 0o755);
  return path;
}

/** How often a fake QEMU was started in a sandbox. */
async function sandboxTrials(qemu: string): Promise<number> {
  const calls = await readFile(`${qemu}.calls`, "utf8");
  return calls.split("\n").filter((call) => call.includes("-sandbox on")).length;
}

/** An environment in which this QEMU, and some firmware, are found. */
async function envWith(qemu: string, more: Record<string, string> = {}): Promise<Record<string, string>> {
  const firmware = join(folder, "code.fd");
  await writeFile(firmware, "code");
  await writeFile(join(folder, "vars.fd"), "vars");
  return { PATH: "/usr/bin:/bin", QN_QEMU: qemu, QN_FIRMWARE: firmware, ...more };
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof QnError) return { code: error.code, message: error.message, details: error.details };
    throw error;
  }
  throw new Error("nothing failed");
}

/** When a mini guest that is emulated counts as one that never ends. */
const endMs = 60_000;

for (const guestArch of arches) {
  const qemuPath = findProgram(guestPlatforms[guestArch].binary);
  const question = { qemuPath: qemuPath ?? "", cacheFolder };

  test.skipIf(qemuPath === undefined)(
    `the mini guest of ${guestArch} comes to its end when it is emulated`,
    async () => {
      // Whether it comes to its end is the question here, not how soon on a busy machine.
      const options = { deadlineMs: endMs };
      expect(await runMiniGuest("tcg", { ...question, guestArch }, options)).toEqual({ usable: true });
    },
    endMs + 10_000,
  );

  test.skipIf(qemuPath === undefined)(`the mini guest of ${guestArch} needs no folder that guests see`, async () => {
    using _nowhere = withoutTmp();
    const { usable } = await runMiniGuest("tcg", { ...question, guestArch }, { deadlineMs: 10 });
    expect(usable).toBe(false);
    expect(await readdir(cacheFolder)).toContain(`mini-guest-${guestArch}.bin`);
  });

  test.skipIf(qemuPath === undefined)(`the mini guest of ${guestArch} is killed when it takes too long`, async () => {
    expect(await runMiniGuest("tcg", { ...question, guestArch }, { deadlineMs: 10 })).toEqual({
      usable: false,
      reason: "A guest of a few instructions did not end within 0.01 s with tcg.",
    });
  });

  test.skipIf(qemuPath === undefined)(`a QEMU that cannot start the mini guest of ${guestArch} is quoted`, async () => {
    const verdict = await runMiniGuest("tcg", { ...question, guestArch }, { cpu: "abacus" });
    expect(verdict.usable ? "" : verdict.reason).toMatch(
      /^QEMU ended with status 1 when it tried .* with tcg\. It said: .*abacus/,
    );
  });
}

const guestArch = ownArch();
const qemuPath = findProgram(guestPlatforms[guestArch].binary) ?? "";
const kvmLook = await lookAtAccel("kvm", { os: "linux", arch: guestArch, guestArch, qemuPath });
const noFlags = !kvmLook.usable && kvmLook.reason.includes("neither vmx nor svm");

test.skipIf(qemuPath === "" || process.platform !== "linux")(
  "kvm is usable exactly when a guest runs in it, and else there is a sentence that says why not",
  async () => {
    const { accels } = await probeHost(guestArch, { env: process.env, cacheFolder: join(folder, "host") });
    const trial = kvmLook.usable ? await runMiniGuest("kvm", { qemuPath, guestArch, cacheFolder }) : kvmLook;
    expect(accels.kvm).toEqual(trial);
    if (!trial.usable) expect(trial.reason).toMatch(/^[A-Z/].+\.$/s);
  },
);

test.skipIf(!noFlags)(
  "a /dev/kvm behind a processor without virtualization does not get the mini guest to its end",
  async () => {
    // The first stumbles over its model of the processor; the second starts, but only emulates.
    for (const cpu of ["host", "qemu64"]) {
      expect(await runMiniGuest("kvm", { qemuPath, guestArch, cacheFolder }, { cpu, deadlineMs: 3_000 })).toMatchObject(
        {
          usable: false,
          reason: expect.stringContaining("a few instructions"),
        },
      );
    }
  },
);

test("a trial is remembered until QEMU changes, and a corrupt memory is forgotten", async () => {
  const qemu = await fakeQemu("remembering");
  const options = { env: await envWith(qemu), cacheFolder: join(folder, "made/on/demand") };
  const cache = join(options.cacheFolder, "accel.json");
  const trialsAfterProbe = async (): Promise<number> => {
    await probeHost("x86_64", options);
    return await sandboxTrials(qemu);
  };
  const counts = [await trialsAfterProbe(), await trialsAfterProbe()];
  await writeFile(cache, "{ not json");
  counts.push(await trialsAfterProbe(), await trialsAfterProbe());
  await writeFile(cache, JSON.stringify({ [Object.keys(JSON.parse(await readFile(cache, "utf8")))[0] ?? ""]: 1 }));
  counts.push(await trialsAfterProbe(), await trialsAfterProbe());
  await utimes(qemu, new Date(0), new Date(0));
  counts.push(await trialsAfterProbe(), await trialsAfterProbe());
  const expected = process.platform === "linux" ? [1, 1, 2, 2, 3, 3, 4, 4] : [0, 0, 0, 0, 0, 0, 0, 0];
  expect(counts).toEqual(expected);
});

test("a failure is believed for an hour, a success for good", async () => {
  const file = join(folder, "lifetimes.json");
  const failure = { accel: { usable: false, reason: "It hangs." }, sandbox: true, virtiofs } as const;
  const success = { accel: { usable: true }, sandbox: true, virtiofs } as const;
  const at = async (minutes: number, result: Trials): Promise<boolean> => {
    const { accel } = await remembered(file, "boot qemu", async () => result, minutes * 60_000);
    return accel.usable;
  };
  expect([await at(0, failure), await at(59, success), await at(60, success), await at(9_999_999, failure)]).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

test("what was tried before the host's last boot is forgotten", async () => {
  const file = join(folder, "boots.json");
  const result: Trials = { accel: { usable: true }, sandbox: false, virtiofs };
  for (const key of ["boot1 a", "boot2 a", "boot2 b"]) await remembered(file, key, async () => result, 7);
  const kept = { ...result, triedAtMs: 7 };
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ "boot2 a": kept, "boot2 b": kept });
});

test("a memory that cannot be kept is no reason to fail", async () => {
  const env = await envWith(await fakeQemu("forgetting"));
  const { qemu } = await probeHost("x86_64", { env, cacheFolder: "/dev/null/cache" });
  expect(qemu.version).toBe("9.9.9");
});

test("sound and window systems count when QEMU speaks them and they answer here", async () => {
  const runtime = join(folder, "run");
  await mkdir(join(runtime, "pulse"), { recursive: true });
  await writeFile(join(runtime, "pulse/native"), "");
  const env = await envWith(await fakeQemu("media"), { XDG_RUNTIME_DIR: runtime, DISPLAY: ":0" });
  const probe = async (options: { env: Record<string, string>; sound?: boolean; window?: boolean }) => {
    const { audio, display } = await probeHost("x86_64", { cacheFolder: join(folder, "media-cache"), ...options });
    return { audio, display };
  };
  const { DISPLAY: _, ...withoutDisplay } = env;
  const linux = process.platform === "linux";
  expect([
    await probe({ env, sound: true, window: true }),
    await probe({ env: withoutDisplay, sound: true, window: true }),
    await probe({ env }),
  ]).toEqual([
    { audio: linux ? ["pa"] : [], display: linux ? ["sdl"] : [] },
    { audio: linux ? ["pa"] : [], display: [] },
    { audio: [], display: [] },
  ]);
});

test("no QEMU is reported with every folder that was searched", async () => {
  const env = { PATH: `${folder}/none:${folder}/nothing`, HOME: folder };
  const failure = failureOf(probeHost("aarch64", { env, cacheFolder: folder }));
  expect(await failure).toMatchObject({
    code: "QEMU_MISSING",
    message: expect.stringContaining(`The program qemu-system-aarch64 is in none of ${folder}/none:${folder}/nothing:`),
  });
});

test("a QN_QEMU that is no program is reported by its name", async () => {
  const env = { QN_QEMU: "/no/such/qemu", PATH: "/usr/bin" };
  expect(await failureOf(probeHost("x86_64", { env, cacheFolder: folder }))).toEqual({
    code: "QEMU_MISSING",
    message: 'QN_QEMU names "/no/such/qemu", which is not a program.',
    details: [],
  });
});

test("a program that is not QEMU is reported with what it said", async () => {
  const qemu = await fakeQemu("impostor", "Fortran 77");
  const failure = failureOf(probeHost("x86_64", { env: await envWith(qemu), cacheFolder: folder }));
  expect(await failure).toEqual({
    code: "QEMU_MISSING",
    message: `${qemu} does not say which version of QEMU it is.`,
    details: ["Fortran 77"],
  });
});

test("a QN_FIRMWARE that cannot be used is reported with what is wrong with it", async () => {
  const env = await envWith(await fakeQemu("firmwareless"));
  const missing = { ...env, QN_FIRMWARE: "/no/such/code.fd" };
  expect(await failureOf(probeHost("x86_64", { env: missing, cacheFolder: folder }))).toEqual({
    code: "FIRMWARE_MISSING",
    message: "QN_FIRMWARE names /no/such/code.fd, which cannot be used.",
    details: ["/no/such/code.fd is not there."],
  });
  expect(await failureOf(probeHost("aarch64", { env, cacheFolder: folder }))).toEqual({
    code: "FIRMWARE_MISSING",
    message: `QN_FIRMWARE names ${folder}/code.fd, which cannot be used.`,
    details: [`${folder}/code.fd has 4 bytes, the machine's flash takes exactly 67108864.`],
  });
});

test("firmware that is named is taken together with the variables beside it, or without any", async () => {
  const env = await envWith(await fakeQemu("named"));
  const options = { env, cacheFolder: folder };
  const { firmware } = await probeHost("x86_64", options);
  await rm(join(folder, "vars.fd"));
  const { firmware: alone } = await probeHost("x86_64", options);
  const code = { code: `${folder}/code.fd`, codeFormat: "raw" as const };
  expect([firmware, alone]).toEqual([
    { ...code, vars: { template: `${folder}/vars.fd`, format: "raw" } },
    { ...code, vars: undefined },
  ]);
});

test("a descriptor of the user's own comes before the system's", async () => {
  const config = join(folder, "config");
  await mkdir(join(config, "qemu/firmware"), { recursive: true });
  const { QN_FIRMWARE: code = "", ...env } = await envWith(await fakeQemu("described"), { XDG_CONFIG_HOME: config });
  const flash = (filename: string) => ({ filename, format: "raw" });
  await writeFile(
    join(config, "qemu/firmware/00-mine.json"),
    JSON.stringify({
      "interface-types": ["uefi"],
      mapping: { device: "flash", executable: flash(code), "nvram-template": flash(join(folder, "vars.fd")) },
      targets: [{ architecture: "x86_64", machines: ["pc-q35-*"] }],
      features: [],
    }),
  );
  const { firmware } = await probeHost("x86_64", { env, cacheFolder: folder });
  expect(firmware).toEqual({ code, codeFormat: "raw", vars: { template: `${folder}/vars.fd`, format: "raw" } });
});
