/** `qn upgrade` with servers that are right, broken and lying: there is the old program or the new one, and never none. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { copyFile, link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { knownError } from "../../../../src/base/errors.ts";
import { findInstall, mirrorOf } from "../../../../src/host/upgrade/find-install.ts";
import { lockFolder } from "../../../../src/system/kernel/lock.ts";
import { testWithChance } from "../../../support/chance.ts";
import { failureOf } from "../../../support/failures.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { runProgram } from "../../../support/program.ts";
import { ownPlatform, standIn } from "../../../support/program-release.ts";
import { cutAfter, type Misbehaviour, send } from "../../../support/release-server.ts";
import { newKeyPair } from "../../../support/released-image.ts";
import { until } from "../../../support/until.ts";
import { type UpgradeScene, upgradeScene } from "../../../support/upgrade-scene.ts";

setDefaultTimeout(programsMs);

const archive = (version: string) => `v${version}/qn-${version}-${ownPlatform}.tar.gz`;

/** Misbehaves about one file. */
function about(path: string, misbehave: Misbehaviour): Misbehaviour {
  return (call) => (decodeURIComponent(call.request.url ?? "") === `/${path}` ? misbehave(call) : "honest");
}

/** An upgrade that has to fail, and what is in place then. */
async function refusal(scene: UpgradeScene, wanted?: string): Promise<readonly unknown[]> {
  const { code, message } = await failureOf(() => scene.upgrade("0.1.0", wanted));
  const { there } = await scene.files();
  return [
    code,
    message.replaceAll(scene.server.base, "~/"),
    ...(await scene.versions()),
    there.filter((file) => file.includes("/.")),
  ];
}

test("the newest takes its place, the one before stays beside it, and going back exchanges them", async () => {
  await using scene = await upgradeScene();
  const before = await scene.files();
  expect(before.there.filter((file) => file !== "share/qn/install.json")).toEqual(before.known);
  expect(await scene.upgrade("0.1.0")).toBe("0.2.0");
  expect(await scene.versions()).toEqual(["0.2.0", "0.1.0"]);
  const after = await scene.files();
  // The same files as install.sh's, and the one before.
  expect(after.known).toEqual([...before.known, "bin/qn.previous"].toSorted());
  expect(after.there).toEqual([...before.there, "bin/qn.previous"].toSorted());
  expect(await readFile(join(scene.prefix, "share/man/man1/qn.1"), "utf8")).toBe(".TH QN 1 0.2.0\n");
  expect(await scene.rollBack()).toBe("0.1.0");
  expect(await scene.versions()).toEqual(["0.1.0", "0.2.0"]);
  expect(await scene.rollBack()).toBe("0.2.0");
  expect([await scene.versions(), await scene.files()]).toEqual([["0.2.0", "0.1.0"], after]);
});

test("only what install.sh has put there is upgraded, and only from where a mirror may be", async () => {
  await using scene = await upgradeScene();
  await scene.upgrade("0.1.0");
  const previous = await failureOf(() => findInstall([join(scene.prefix, "bin/qn.previous")]));
  expect(previous).toMatchObject({ code: "UPGRADE_REFUSED", message: expect.stringContaining("was not installed by") });
  const install = await findInstall([join(scene.prefix, "bin/qn")]);
  for (const url of ["http://mirror.example", "release", "ftp://mirror.example", "none"]) {
    expect((await failureOf(() => mirrorOf(install, { QN_INSTALL_URL: url }))).code).toBe("UPGRADE_REFUSED");
  }
  await rm(join(scene.prefix, "share/qn/install.json"));
  expect(await failureOf(() => scene.upgrade("0.2.0"))).toMatchObject({ code: "UPGRADE_REFUSED" });
  expect(await scene.versions()).toEqual(["0.2.0", "0.1.0"]);
});

test("an older version is taken when it is asked for, and never because a server offers it", async () => {
  await using scene = await upgradeScene();
  await scene.upgrade("0.1.0");
  await writeFile(join(scene.releases.folder, "latest"), "0.1.0\n");
  const { code, message } = await failureOf(() => scene.upgrade("0.2.0"));
  expect([code, message]).toEqual([
    "UPGRADE_UNTRUSTED",
    expect.stringMatching(/offers qn 0\.1\.0, and this is 0\.2\.0/),
  ]);
  expect(await scene.versions()).toEqual(["0.2.0", "0.1.0"]);
  expect(await scene.upgrade("0.2.0", "0.1.0")).toBe("0.1.0");
  expect(await scene.versions()).toEqual(["0.1.0", "0.2.0"]);
});

test("a list that is another one than was signed, or is signed by a stranger or for another version, is refused", async () => {
  await using scene = await upgradeScene();
  const sums = join(scene.releases.folder, "v0.2.0/SHA256SUMS");
  const text = await readFile(sums, "utf8");
  const stranger = (where: string) => [
    "UPGRADE_UNTRUSTED",
    `What is at ~/${where}/ is signed by nobody whose key this qn knows.`,
    "0.1.0",
    undefined,
    [],
  ];
  await writeFile(sums, text.replace("plan9", "plan8"));
  expect(await refusal(scene)).toEqual(stranger("v0.2.0"));
  await writeFile(sums, text);
  const key = join(scene.home, "other.pem");
  await writeFile(key, newKeyPair().publicPem);
  const other = await failureOf(() => scene.upgrade("0.1.0", undefined, { QN_INSTALL_KEY: key }));
  expect(other.code).toBe("UPGRADE_UNTRUSTED");
  // The list of 0.2.0, rightly signed, in the place of that of 0.3.0.
  await mkdir(join(scene.releases.folder, "v0.3.0"));
  for (const name of ["SHA256SUMS", "SHA256SUMS.sig"]) {
    await copyFile(join(scene.releases.folder, "v0.2.0", name), join(scene.releases.folder, "v0.3.0", name));
  }
  await writeFile(join(scene.releases.folder, "latest"), "0.3.0\n");
  const none = [`There is no qn 0.3.0 for ${ownPlatform} at ~/v0.3.0/.`, "0.1.0", undefined, []];
  expect(await refusal(scene)).toEqual(["UPGRADE_FAILED", ...none]);
  await writeFile(join(scene.releases.folder, "latest"), "../v0.2.0\n");
  expect((await refusal(scene))[1]).toBe('The mirror\'s file "latest" says "../v0.2.0\\n", which is no version.');
});

test("an archive that is another one than was signed is refused, and one that is cut is asked for again", async () => {
  await using scene = await upgradeScene(
    about(archive("0.2.0"), async (call) => {
      const other = Buffer.from(call.file);
      other[100] = (other[100] ?? 0) ^ 1;
      return await send(call, 200, { "content-length": other.length }, other);
    }),
  );
  const untrusted = [`~/${archive("0.2.0")} is not what was signed, from byte 0 on.`, "0.1.0", undefined, []];
  expect(await refusal(scene)).toEqual(["UPGRADE_UNTRUSTED", ...untrusted]);
  let cuts = 0;
  scene.server.misbehave = about(archive("0.2.0"), (call) => {
    cuts += 1;
    // The first request only asks how long it is.
    return cuts === 2 ? cutAfter(call, 200) : "honest";
  });
  expect(await scene.upgrade("0.1.0")).toBe("0.2.0");
  expect(cuts).toBe(3);
});

test("a server that is short, sends elsewhere, says no length or has nothing is named, and nothing changes", async () => {
  await using scene = await upgradeScene();
  const said = async (misbehave: Misbehaviour, path = archive("0.2.0")) => {
    scene.server.misbehave = about(path, misbehave);
    const [code, message, ...rest] = await refusal(scene);
    expect(rest).toEqual(["0.1.0", undefined, []]);
    return [code, message];
  };
  expect(await said((call) => cutAfter(call, 50))).toEqual(["UPGRADE_FAILED", expect.stringContaining("in vain")]);
  const away = { location: "https://evil.example/qn.tar.gz" };
  expect(await said((call) => send(call, 302, away))).toEqual([
    "UPGRADE_FAILED",
    `~/${archive("0.2.0")} sends on to https://evil.example, where qn does not follow.`,
  ]);
  expect(await said((call) => send(call, 404, {}))).toEqual([
    "UPGRADE_FAILED",
    `~/${archive("0.2.0")} answers with status 404.`,
  ]);
  expect(await said((call) => send(call, 200, { "content-length": 2 ** 40 }))).toEqual([
    "UPGRADE_FAILED",
    `~/${archive("0.2.0")} should have some MB, and has ${2 ** 40} bytes.`,
  ]);
  expect(await said((call) => send(call, 200, {}, Buffer.alloc(100_000)), "v0.2.0/SHA256SUMS")).toEqual([
    "UPGRADE_FAILED",
    "~/v0.2.0/SHA256SUMS has more than 65536 bytes.",
  ]);
  expect(await said((call) => send(call, 302, away), "latest")).toEqual(["UPGRADE_FAILED", expect.any(String)]);
});

test("a program that does not run here, or says another version, does not take the place", async () => {
  await using scene = await upgradeScene();
  await scene.releases.add("0.2.0", { "bin/qn": "#!/no/such/loader\n" });
  expect(await refusal(scene)).toEqual([
    "UPGRADE_FAILED",
    expect.stringMatching(/does not run here/),
    "0.1.0",
    undefined,
    [],
  ]);
  await scene.releases.add("0.2.0", { "bin/qn": standIn("0.1.9") });
  const other = 'The program of qn 0.2.0 does not run here: it says "0.1.9".';
  expect(await refusal(scene)).toEqual(["UPGRADE_FAILED", other, "0.1.0", undefined, []]);
  expect(await failureOf(() => scene.rollBack())).toMatchObject({ code: "UPGRADE_REFUSED" });
  await writeFile(join(scene.prefix, "bin/qn.previous"), "#!/no/such/loader\n", { mode: 0o755 });
  expect(await failureOf(() => scene.rollBack())).toMatchObject({ code: "UPGRADE_REFUSED" });
  expect((await scene.versions())[0]).toBe("0.1.0");
});

test("of two at once one waits its turn in vain, and is told so", async () => {
  await using scene = await upgradeScene();
  const lock = lockFolder(join(scene.prefix, "share/qn"));
  const { code, message } = await failureOf(() => scene.upgrade("0.1.0"));
  expect([code, message]).toEqual(["VM_BUSY", expect.stringContaining("is held by another qn")]);
  lock?.release();
  expect(await Promise.all([scene.upgrade("0.1.0"), scene.upgrade("0.1.0")])).toEqual(["0.2.0", "0.2.0"]);
  // The second had nothing left to do but the same again.
  expect(await scene.versions()).toEqual(["0.2.0", "0.2.0"]);
});

testWithChance(
  "killed at any moment it leaves the old program or the new one, and the next upgrade is whole",
  async (chance) => {
    await using scene = await upgradeScene();
    const whole = await killed(scene, undefined);
    const seen: (string | undefined)[] = [];
    for (let moment = 0; moment < 12; moment += 1) {
      await rename(join(scene.prefix, "bin/qn"), join(scene.prefix, "bin/qn.previous"));
      await writeFile(join(scene.prefix, "bin/qn"), standIn("0.1.0"), { mode: 0o755 });
      await killed(scene, chance.below(Math.ceil(whole * 1.5)));
      const [now] = await scene.versions();
      expect(["0.1.0", "0.2.0"]).toContain(now ?? "none");
      seen.push(now);
    }
    console.log(`${whole.toFixed(0)} ms, killed 12 times, left ${seen.join(" ")}`);
    await writeFile(join(scene.prefix, "bin/.qn.new"), "half");
    expect(await scene.upgrade("0.1.0")).toBe("0.2.0");
    const { there, known } = await scene.files();
    expect(there.filter((file) => file !== "share/qn/install.json")).toEqual(known);
  },
  programsMs,
);

test("what a kill between two steps leaves can be upgraded and rolled back", async () => {
  await using scene = await upgradeScene();
  const at = (file: string) => join(scene.prefix, file);
  // Between keeping the one before and taking the new one: two names of one file.
  await link(at("bin/qn"), at("bin/qn.previous"));
  expect(await scene.rollBack()).toBe("0.1.0");
  expect(await scene.versions()).toEqual(["0.1.0", "0.1.0"]);
  // While going back: the one before is in place, and that one has a second name only.
  await rename(at("bin/qn.previous"), at("bin/.qn.old"));
  expect(await failureOf(() => scene.rollBack())).toMatchObject({ code: "UPGRADE_REFUSED" });
  expect(await scene.upgrade("0.1.0")).toBe("0.2.0");
  expect(await scene.versions()).toEqual(["0.2.0", "0.1.0"]);
  expect((await scene.files()).there.filter((file) => file.includes("/."))).toEqual([]);
});

const canMount =
  process.platform === "linux" &&
  (await runProgram(["unshare", "--mount", "true"]).catch(() => undefined))?.exitCode === 0;

test.skipIf(!canMount)(
  "a disk that is full, however early, leaves the old program, and no half of the new one",
  async () => {
    const small = `/var/tmp/qn-small-${process.pid}`;
    const mount = async (size: number, ...words: readonly string[]) =>
      await runProgram(["mount", "-t", "tmpfs", "-o", [...words, `size=${size}k`].join(","), "small", small]);
    await mkdir(small, { recursive: true });
    expect((await mount(2000)).exitCode).toBe(0);
    try {
      await using scene = await upgradeScene(undefined, small);
      const filler = randomBytes(300_000).toString("hex");
      await scene.releases.add("0.2.0", { "bin/qn": `#!/bin/sh\necho 0.2.0\nexit\n${filler}` });
      const codes: string[] = [];
      // What is there takes some 400 KiB; the archive, what is unpacked, and the program once more come to 2 MB.
      for (let size = 500; codes.at(-1) !== "done"; size += 100) {
        expect((await mount(size, "remount")).exitCode).toBe(0);
        codes.push(
          await scene.upgrade("0.1.0").then(
            () => "done",
            (error: unknown) => knownError(error).code,
          ),
        );
        if (codes.at(-1) === "done") break;
        expect([size, await scene.versions()]).toEqual([size, ["0.1.0", undefined]]);
        expect((await scene.files()).there.filter((file) => file.includes("/."))).toEqual([]);
      }
      expect([codes.length > 5, new Set(codes)]).toEqual([true, new Set(["DISK_FAILED", "UPGRADE_FAILED", "done"])]);
      expect(await scene.versions()).toEqual(["0.2.0", "0.1.0"]);
    } finally {
      await runProgram(["umount", "--lazy", small]);
      await rm(small, { recursive: true, force: true });
    }
  },
);

/** Upgrades in a process that is killed so long after it began; gives back how long it took when it was not. */
async function killed(scene: UpgradeScene, killAfterMs: number | undefined): Promise<number> {
  const script = join(import.meta.dir, "../../../support/inside/upgrade-run.ts");
  const child = Bun.spawn([process.execPath, script, scene.prefix, "0.1.0", join(scene.home, "cache")], {
    stdout: "pipe",
    stderr: "pipe",
  });
  await child.stdout.getReader().read();
  const begin = performance.now();
  if (killAfterMs !== undefined) {
    await Bun.sleep(killAfterMs);
    child.kill("SIGKILL");
  }
  await child.exited;
  if (killAfterMs === undefined && child.exitCode !== 0) throw new Error(await new Response(child.stderr).text());
  const tookMs = performance.now() - begin;
  await until("the lock of the killed upgrade", 5_000, () => {
    const lock = lockFolder(dirname(join(scene.prefix, "share/qn/install.json")));
    lock?.release();
    return lock === undefined ? undefined : true;
  });
  return tookMs;
}
