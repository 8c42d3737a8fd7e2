/** `qn upgrade` with servers that are right, broken and lying. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findInstall, mirrorOf } from "../../../../src/host/upgrade/find-install.ts";
import { isThere } from "../../../../src/system/files.ts";
import { lockFolder } from "../../../../src/system/kernel/lock.ts";
import { failureOf } from "../../../support/failures.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { ownPlatform, standIn } from "../../../support/program-release.ts";
import { cutAfter, type Misbehaviour, send } from "../../../support/release-server.ts";
import { newKeyPair } from "../../../support/released-image.ts";
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

/** What the page of qn and the completions for fish say, and whether there is the page that 0.2.0 alone has. */
async function printed({ prefix }: UpgradeScene): Promise<readonly unknown[]> {
  const files = ["man/man1/qn.1", "fish/vendor_completions.d/qn.fish"].map((file) => join(prefix, "share", file));
  const texts = await Promise.all(files.map(async (file) => (await readFile(file, "utf8")).trim()));
  return [...texts, await isThere(join(prefix, "share/man/man1/qn-new.1"))];
}

test("the newest takes its place, the one before stays beside it, and going back exchanges them with their pages", async () => {
  await using scene = await upgradeScene();
  const before = await scene.files();
  expect(before.there.filter((file) => file !== "share/qn/install.json")).toEqual(before.known);
  await scene.releases.add("0.2.0", { "share/man/man1/qn-new.1": "more\n" });
  expect(await scene.upgrade("0.1.0")).toBe("0.2.0");
  expect(await scene.versions()).toEqual(["0.2.0", "0.1.0"]);
  const after = await scene.files();
  // The same files as install.sh's, the new page, and the program before.
  const more = ["bin/qn.previous", "share/man/man1/qn-new.1"];
  expect(after.known).toEqual([...before.known, ...more].toSorted());
  expect(after.there).toEqual([...before.there, ...more].toSorted());
  expect(await printed(scene)).toEqual([".TH QN 1 0.2.0", "# fish 0.2.0", true]);
  expect(await scene.rollBack()).toEqual(["0.1.0"]);
  expect([await scene.versions(), await printed(scene)]).toEqual([
    ["0.1.0", "0.2.0"],
    [".TH QN 1 0.1.0", "# fish 0.1.0", false],
  ]);
  expect((await scene.files()).known).toEqual([...before.known, "bin/qn.previous"].toSorted());
  expect(await scene.rollBack()).toEqual(["0.2.0"]);
  expect([await scene.versions(), await printed(scene)]).toEqual([
    ["0.2.0", "0.1.0"],
    [".TH QN 1 0.2.0", "# fish 0.2.0", false],
  ]);
  const { there, known } = await scene.files();
  expect(there.filter((file) => file !== "share/qn/install.json")).toEqual(known);
});

test("a program before that prints no pages is gone back to all the same, and that is said", async () => {
  await using scene = await upgradeScene();
  await scene.upgrade("0.1.0");
  const mute = '#!/bin/sh\n[ "$1" = --version ] && echo 0.1.0 || { echo no such command >&2; exit 1; }\n';
  await writeFile(join(scene.prefix, "bin/qn.previous"), mute);
  const before = await scene.files();
  const why = `\`${scene.prefix}/bin/qn.previous man --to ${scene.home}/cache/printed/share/man/man1\` ends with 1: no such command`;
  expect(await scene.rollBack()).toEqual([
    "0.1.0",
    `Manual pages and completions stay as they are, since qn 0.1.0 prints none: ${why}`,
  ]);
  expect([await scene.versions(), await printed(scene), await scene.files()]).toEqual([
    ["0.1.0", "0.2.0"],
    [".TH QN 1 0.2.0", "# fish 0.2.0", false],
    before,
  ]);
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
