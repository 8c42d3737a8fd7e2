/** Mistakes in the settings of the file, the environment and the command line: all are told at once. */
import { expect, test } from "bun:test";
import { type Loaded, loadConfig, type Sources } from "../../../../src/host/config/load.ts";
import { failureOf } from "../../../support/failures.ts";

const host = { arch: "x86_64", cpus: 8, memoryMiB: 16_384, homeFolder: "/home/ann", os: "linux" } as const;

function load(sources: { file?: string; env?: Sources["env"]; flags?: Sources["flags"] }): Loaded {
  const { file, env = {}, flags = {} } = sources;
  return loadConfig({ host, files: file === undefined ? [] : [{ path: "/c.yaml", text: file }], env, flags });
}

test("every mistake of every source is reported at once, each with its place and its value", async () => {
  const file = [
    "cpus: 0",
    "memoryMiB: 1.5",
    "diskGiB: '60'",
    "arch: arm64",
    "image: ''",
    "mounts: [/srv, { path: home }, { readOnly: true }, { path: /a, readonly: true }]",
    "ports: { bnd: all, bind: everywhere }",
    "sound: yes please",
    "memory: 3",
    "cpu: 3",
    "tmp: none",
  ].join("\n");
  const env = { QN_CPUS: "many", QN_ACCEL: "xen" };
  const flags = { diskGiB: 1 };
  expect(await failureOf(() => load({ file, env, flags }))).toEqual({
    code: "CONFIG_INVALID",
    message: "18 settings are wrong.",
    details: [
      'arch must be one of x86_64, aarch64, got "arm64" (/c.yaml)',
      "cpus must be at least 1, got 0 (/c.yaml)",
      "memoryMiB must be a whole number, got 1.5 (/c.yaml)",
      'diskGiB must be a number, got "60" (/c.yaml)',
      'image must not be empty, got "" (/c.yaml)',
      'mounts.0 must be a mapping such as { path: /srv/data }, got "/srv" (/c.yaml)',
      'mounts.1.path must be an absolute path, got "home" (/c.yaml)',
      "mounts.2.path is missing (/c.yaml)",
      "mounts.3.readonly is not a known setting; did you mean readOnly? (/c.yaml)",
      'ports.bind must be one of loopback, all, strict, got "everywhere" (/c.yaml)',
      "ports.bnd is not a known setting; did you mean bind? (/c.yaml)",
      'sound must be true or false, got "yes please" (/c.yaml)',
      "memory is not a known setting; did you mean memoryMiB? (/c.yaml)",
      "cpu is not a known setting; did you mean cpus? (/c.yaml)",
      "tmp is not a known setting; did you mean files.tmp? (/c.yaml)",
      'cpus must be a number, got "many" (QN_CPUS)',
      'accel must be one of auto, kvm, hvf, tcg, got "xen" (QN_ACCEL)',
      "diskGiB must be at least 2, got 1 (the command line)",
    ],
  });
});

test("one mistake is one setting", async () => {
  expect(await failureOf(() => load({ file: "cpus: 257" }))).toEqual({
    code: "CONFIG_INVALID",
    message: "A setting is wrong.",
    details: ["cpus must be at most 256, got 257 (/c.yaml)"],
  });
});

test("a file that holds no mapping is refused", async () => {
  for (const file of ["just words", "- cpus: 2", "[]", "7"]) {
    expect(await failureOf(() => load({ file }))).toEqual({
      code: "CONFIG_INVALID",
      message: "A setting is wrong.",
      details: ["The settings must be a mapping of names to values. (/c.yaml)"],
    });
  }
});

test("a file that is not YAML is refused with its path", async () => {
  const { code, message } = await failureOf(() => load({ file: "cpus: [1" }));
  expect([code, message.slice(0, 21)]).toEqual(["CONFIG_INVALID", "/c.yaml is not YAML: "]);
});

test("a variable whose list or switch cannot be read is a mistake that shows its text", async () => {
  const env = { QN_MOUNTS: "[/srv", QN_SOUND: "yes", QN_CPUS: " " };
  expect(await failureOf(() => load({ env }))).toEqual({
    code: "CONFIG_INVALID",
    message: "3 settings are wrong.",
    details: [
      'cpus must be a number, got " " (QN_CPUS)',
      'mounts must be a list such as [{ path: /srv/data }], got "[/srv" (QN_MOUNTS)',
      'sound must be true or false, got "yes" (QN_SOUND)',
    ],
  });
});

test("a time is never, or a number with its unit, and at most a week", async () => {
  const times: [string, string][] = [
    ["15", "must be never, or a time such as 15m or 2h, got 15"],
    ["0m", 'must be never, or a time such as 15m or 2h, got "0m"'],
    ["1d", 'must be never, or a time such as 15m or 2h, got "1d"'],
    ["169h", 'must be at most 168h, got "169h"'],
  ];
  for (const [time, mistake] of times) {
    const failure = await failureOf(() => load({ file: `idle: { after: ${time} }` }));
    expect(failure).toMatchObject({ details: [`idle.after ${mistake} (/c.yaml)`] });
  }
  for (const time of ["never", "90s", "168h"]) {
    expect(load({ file: `idle: { after: ${time} }` }).config.idle.after).toBe(time);
  }
});
