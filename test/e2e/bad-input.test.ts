/** Bad input: each gets one clear sentence with the value in it, a hint and its exit status, and leaves no VM behind. */
import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { ownArch } from "../../src/system/platform.ts";
import { type Outcome, qn, type RunOptions } from "../support/program.ts";
import { type TempHome, tempHome } from "../support/temp-home.ts";

/** Runs qn, which has to refuse, and gives its whole answer: the exit status and what it said, line by line. */
async function refusal(home: TempHome, words: readonly string[], options?: RunOptions): Promise<readonly unknown[]> {
  const outcome = await qn(home.path, words, options);
  expect(outcome.stdout).toBe("");
  expect(await vmsIn(home.path)).toEqual([]);
  return [outcome.exitCode, ...linesOf(outcome)];
}

function linesOf({ stderr }: Outcome): string[] {
  const lines = stderr.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").map((line) => line.replace(/^✖ /, ""));
}

/** Whatever is in a QN_HOME that belongs to a VM: its folder, or its data disk. */
async function vmsIn(home: string): Promise<string[]> {
  const entries = await readdir(home).catch(() => []);
  const data = await readdir(join(home, "_data")).catch(() => []);
  return [...entries.filter((name) => !/^(_.*|ssh_config)$/.test(name)), ...data];
}

const seeConfig = "Correct the values named above.";
const seeHome = "Point QN_HOME at a short path that you own, such as ~/.qn.";
const seeImage = "Run: qn image build, or name a mirror of yours by imageUrl and imageKey.";
const newImage = "Fetch it again with qn image pull, or build it again with qn image build.";

/** Words after `qn`, and the whole answer. */
const refused: Readonly<Record<string, readonly [readonly string[], readonly [number, ...string[]]]>> = {
  "an unknown command": [["hop"], [1, '"hop" is not a command of qn. [USAGE]', "qn --help lists them."]],
  "a mistyped command": [["statsu"], [1, '"statsu" is not a command of qn. [USAGE]', "Did you mean qn status?"]],
  "an unknown flag": [
    ["up", "--frobnicate"],
    [1, "--frobnicate is not an option of qn up. [USAGE]", "See qn up --help."],
  ],
  "a mistyped flag": [
    ["up", "--memroy", "2048"],
    [1, "--memroy is not an option of qn up; did you mean --memory? [USAGE]", "See qn up --help."],
  ],
  "a flag without its value": [
    ["up", "--cpus"],
    [1, "--cpus needs a value. [USAGE]", "See qn up --help."],
  ],
  "a flag with a word for a number": [
    ["up", "--cpus", "two"],
    [1, '--cpus is "two", which is not a whole number above zero. [USAGE]', "See qn up --help."],
  ],
  "a time of no seconds": [
    ["up", "--timeout", "0"],
    [1, '--timeout is "0", which is not a whole number above zero. [USAGE]', "See qn up --help."],
  ],
  "a share that there is not": [
    ["up", "--mount", "/nowhere"],
    [
      5,
      "A folder cannot be mounted. mounts: no such folder: /nowhere. [CONFIG_INVALID]",
      "Correct the values named above.",
    ],
  ],
  "one argument too many": [
    ["up", "a", "b"],
    [1, '"b" is one argument too many. [USAGE]', "See qn up --help."],
  ],
  "a VM name with bad characters": [
    ["up", "My_VM"],
    [
      1,
      '"My_VM" cannot be the name of a VM. [USAGE]',
      "Use lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 31 characters.",
    ],
  ],
  "a VM name that leaves the folder": [
    ["delete", "../other", "--force"],
    [
      1,
      '"../other" cannot be the name of a VM. [USAGE]',
      "Use lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 31 characters.",
    ],
  ],
  "a VM that there is not": [
    ["status", "other"],
    [4, 'There is no VM "other". [NO_SUCH_VM]', "qn ls shows the VMs that there are; qn up NAME makes one."],
  ],
  "too little memory": [
    ["up", "--memory", "200"],
    [
      5,
      "A setting is wrong. [CONFIG_INVALID]",
      "memoryMiB must be at least 512, got 200 (the command line)",
      seeConfig,
    ],
  ],
};

for (const [what, [words, answer]] of Object.entries(refused)) {
  test(`${what} is refused`, async () => {
    await using home = await tempHome();
    expect(await refusal(home, words)).toEqual([...answer]);
  });
}

test("more memory than the host has is refused, and both amounts are named", async () => {
  await using home = await tempHome();
  const answer = await refusal(home, ["up", "--memory", "4000000"]);
  expect(answer).toEqual([
    5,
    expect.stringMatching(/^memoryMiB is 4000000, but the host has only \d+\. \[CONFIG_INVALID\]$/),
    seeConfig,
  ]);
});

test("three mistakes in config.yaml are all named at once", async () => {
  await using home = await tempHome();
  const path = join(home.path, "default/config.yaml");
  await Bun.write(path, "cpu: 2\nmemoryMiB: lots\nports:\n  bind: everywhere\n");
  const outcome = await qn(home.path, ["up"]);
  expect([outcome.exitCode, ...linesOf(outcome)]).toEqual([
    5,
    "3 settings are wrong. [CONFIG_INVALID]",
    `memoryMiB must be a number, got "lots" (${path})`,
    `ports.bind must be one of loopback, all, strict, got "everywhere" (${path})`,
    `cpu is not a known setting; did you mean cpus? (${path})`,
    seeConfig,
  ]);
  expect(await readdir(join(home.path, "default"))).toEqual(["config.yaml"]);
});

test("keys of daemon.json that are qn's own are refused, all at once", async () => {
  await using home = await tempHome();
  const words = ["config", "set", "docker.daemon={ data-root: /srv, hosts: [tcp://0.0.0.0], userland-proxy: true }"];
  const place = `(${join(home.path, "default/config.yaml")})`;
  const own = ["data-root", "hosts", "userland-proxy"].map(
    (key) => `docker.daemon.${key} is qn's own and cannot be set, got "${key}" ${place}`,
  );
  expect(await refusal(home, words)).toEqual([5, "3 settings are wrong. [CONFIG_INVALID]", ...own, seeConfig]);
});

test("a host without QEMU is told what to install", async () => {
  await using home = await tempHome();
  const [exit, message, hint] = await refusal(home, ["up"], { env: { QN_QEMU: "/nowhere/qemu" } });
  expect([exit, message]).toEqual([10, 'QN_QEMU names "/nowhere/qemu", which is not a program. [QEMU_MISSING]']);
  expect(hint).toMatch(/^(Run: .* install .*qemu.*|Install QEMU with .*); or set QN_QEMU\.$/);

  const [bareExit, bareMessage] = await refusal(home, ["up"], { env: { PATH: "/nowhere" } });
  expect([bareExit, bareMessage]).toEqual([
    10,
    expect.stringMatching(/^The program qemu-system-\w+ is in none of \/nowhere.* \[QEMU_MISSING\]$/),
  ]);
});

test("a host without firmware is told what to install", async () => {
  await using home = await tempHome();
  expect(await refusal(home, ["up"], { env: { QN_FIRMWARE: "nonexistent" } })).toEqual([
    11,
    "QN_FIRMWARE names nonexistent, which cannot be used. [FIRMWARE_MISSING]",
    "nonexistent is not there.",
    expect.stringMatching(/^(Run: .* install .*qemu.*|Install QEMU with .*); or set QN_FIRMWARE\.$/),
  ]);
});

test("without an image, up says which one is missing", async () => {
  await using home = await tempHome({ images: false });
  expect(await refusal(home, ["up"])).toEqual([
    20,
    expect.stringMatching(
      new RegExp(`^There is no image "debian" for \\w+ in ${home.path}/_images\\. \\[IMAGE_MISSING\\]$`),
    ),
    seeImage,
  ]);
});

test("an image whose disk is cut short is refused", async () => {
  await using home = await tempHome();
  const disk = await ownDisk(home);
  const { size } = Bun.file(disk);
  await truncate(disk, size - 1);
  const [exit, message, hint] = await refusal(home, ["up"]);
  expect([exit, hint]).toEqual([21, newImage]);
  expect(message).toEndWith(`/disk.qcow2" has ${size - 1} bytes, and should have ${size}. [IMAGE_CORRUPT]`);
});

test("an image with one wrong byte is refused", async () => {
  await using home = await tempHome();
  const disk = await ownDisk(home);
  const offset = Math.floor(Bun.file(disk).size / 2);
  const [byte = 0] = await Bun.file(disk)
    .slice(offset, offset + 1)
    .bytes();
  const { exitCode } = Bun.spawnSync(["dd", `of=${disk}`, "bs=1", `seek=${offset}`, "conv=notrunc"], {
    stdin: Uint8Array.of(byte ^ 1),
    stderr: "ignore",
  });
  expect(exitCode).toBe(0);
  const [exit, message, hint] = await refusal(home, ["up"]);
  expect([exit, hint]).toEqual([21, newImage]);
  expect(message).toMatch(/^".*disk\.qcow2" has the SHA-256 \w{64}, and should have \w{64}\. \[IMAGE_CORRUPT\]$/);
}, 60_000);

test("an image whose description is no JSON is refused", async () => {
  await using home = await tempHome();
  const description = join(imageFolder(home), "image.json");
  await rm(description);
  await Bun.write(description, "{ this is not JSON");
  const [exit, message] = await refusal(home, ["up"]);
  expect(exit).toBe(21);
  expect(message).toContain(description);
});

test("a QN_HOME whose socket path would be too long is refused", async () => {
  await using home = await tempHome();
  const long = join(home.path, "x".repeat(80));
  const outcome = await qn(long, ["up"]);
  const socket = join(long, "default/control.sock");
  expect([outcome.exitCode, ...linesOf(outcome)]).toEqual([
    6,
    `The socket path "${socket}" has ${socket.length} bytes; at most 103 fit into a Unix socket's address. [HOME_UNUSABLE]`,
    seeHome,
  ]);
  expect(await vmsIn(home.path)).toEqual([]);
});

test("a relative QN_HOME is refused", async () => {
  const outcome = await qn("some/folder", ["up"]);
  expect([outcome.exitCode, ...linesOf(outcome)]).toEqual([
    6,
    'QN_HOME is "some/folder", which is not an absolute path. [HOME_UNUSABLE]',
    seeHome,
  ]);
});

test("a QN_HOME that cannot be written to is refused", async () => {
  await using home = await tempHome();
  const locked = join(home.path, "locked");
  await mkdir(locked);
  await chmod(locked, 0o500);
  for (const place of [locked, "/dev/null"]) {
    const outcome = await qn(place, ["up"]);
    expect([outcome.exitCode, ...linesOf(outcome)]).toEqual([
      6,
      expect.stringMatching(new RegExp(`^QN_HOME is "${place}", which cannot be written to: .* \\[HOME_UNUSABLE\\]$`)),
      seeHome,
    ]);
  }
  expect(await readdir(locked)).toEqual([]);
});

test("a start that fails after it has begun leaves nothing of the VM", async () => {
  await using home = await tempHome();
  const outcome = await qn(home.path, ["up", "--timeout", "1"]);
  const lines = linesOf(outcome);
  expect(outcome.exitCode).toBe(32);
  expect(lines).toContain("Waited 1 s in vain for the guest to boot. [BOOT_TIMEOUT]");
  expect(lines.at(-1)).toBe("qn logs --source serial shows how far the guest came; --timeout gives it longer.");
  expect(await vmsIn(home.path)).toEqual([]);
}, 60_000);

// --- internal ---

/** The image that `qn up` takes. */
function imageFolder(home: TempHome): string {
  return join(home.path, "_images", `debian-${ownArch()}`);
}

/** Puts a copy in place of the link to the shared disk, for a test that writes to it. */
async function ownDisk(home: TempHome): Promise<string> {
  const disk = join(imageFolder(home), "disk.qcow2");
  await Bun.$`cp --dereference --remove-destination ${disk} ${disk}.copy && mv ${disk}.copy ${disk}`.quiet();
  return disk;
}
