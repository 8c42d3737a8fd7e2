/** A release as scripts/release makes it, with small programs and images: whole, the same each time, and of one mind. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../../package.json";
import { targets } from "../../../scripts/support/bun-template.ts";
import { releaseTimeS, sourceState } from "../../../scripts/support/release/source.ts";
import { makeWholeRelease, type WholeParts } from "../../../scripts/support/release/whole.ts";
import { parseRelease } from "../../../src/host/image/pull/release.ts";
import { requireSigned } from "../../../src/host/image/pull/signature.ts";
import { hashOf } from "../../../src/host/image/store.ts";
import { schemaFaults } from "../../support/cyclonedx.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { newFolder } from "../../support/folder.ts";
import { releaseParts } from "../../support/made-release.ts";
import { runProgram } from "../../support/program.ts";
import { newImage } from "../../support/released-image.ts";

setDefaultTimeout(programsMs);
const isLinux = process.platform === "linux";
const { version } = manifest;
const archives = Object.keys(targets).map((target) => `qn-${version}-${target}.tar.gz`);

/** The bytes of every file of a folder, as their SHA-256 by name. */
async function sumsIn(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).toSorted();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await hashOf(join(folder, name))] as const)),
  );
}

async function succeed(command: readonly string[], cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(command, { cwd });
  expect([command.join(" "), exitCode, stderr]).toEqual([command.join(" "), 0, expect.any(String)]);
  return stdout;
}

test.skipIf(!isLinux)("a release made twice is the same, bytes and modes, whoever makes it and when", async () => {
  await using folder = await newFolder();
  const parts = await releaseParts(folder.path);
  const first = await makeWholeRelease(parts);
  // Another user's mask, other times of the files, another zone.
  for (const target of Object.keys(targets)) {
    await chmod(join(folder.path, `programs/qn-${target}`), 0o755);
    await utimes(join(folder.path, `programs/qn-${target}`), 1, 1);
  }
  const mask = process.umask(0o077);
  const zone = process.env["TZ"];
  process.env["TZ"] = "Asia/Kathmandu";
  try {
    const second = await makeWholeRelease({ ...parts, out: join(folder.path, "again") });
    const lacks = ["its programs were made elsewhere"];
    expect([first.lacks, second.lacks]).toEqual([lacks, lacks]);
    expect(await sumsIn(second.folder)).toEqual(await sumsIn(first.folder));
    const modes = await succeed(["find", `v${version}`, "latest", "-printf", "%y%m\n"], join(folder.path, "again"));
    expect([...new Set(modes.trim().split("\n"))].toSorted()).toEqual(["d755", "f644"]);
  } finally {
    process.umask(mask);
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
  expect(await readFile(join(folder.path, "again/latest"), "utf8")).toBe(`${version}\n`);
  // It is the time that makes the difference.
  const later = await makeWholeRelease({
    ...parts,
    out: join(folder.path, "later"),
    env: { SOURCE_DATE_EPOCH: "1700000001" },
  });
  const [a, b] = [await sumsIn(first.folder), await sumsIn(later.folder)];
  expect(archives.filter((name) => a[name] === b[name])).toEqual([]);
});

test.skipIf(!isLinux)(
  "an archive has the program and its texts, root's, readable by all, and nothing else",
  async () => {
    await using folder = await newFolder();
    const made = await makeWholeRelease(await releaseParts(folder.path, { images: "leave out" }));
    expect(made.lacks).toEqual(["it has no guest images", "its programs were made elsewhere"]);
    for (const name of archives) {
      const path = join(made.folder, name);
      const top = name.replace(".tar.gz", "");
      const lines = (await succeed(["tar", "--utc", "--full-time", "-tvzf", path], folder.path)).trim().split("\n");
      const entries = lines.map((line) => /^(\S+) (\S+) +\d+ (\S+ \S+) (.*)$/.exec(line)?.slice(1) ?? []);
      const paths = entries.map(([, , , entry = ""]) => entry);
      expect(paths).toEqual(paths.toSorted());
      const kinds = new Set(
        entries.map(([mode, owner, time, entry = ""]) => `${mode} ${owner} ${time} ${entry.endsWith("bin/qn")}`),
      );
      const at = "0/0 2023-11-14 22:13:20";
      expect([...kinds].toSorted()).toEqual([
        `-rw-r--r-- ${at} false`,
        `-rwxr-xr-x ${at} true`,
        `drwxr-xr-x ${at} false`,
      ]);
      const files = paths.filter((entry) => !entry.endsWith("/")).map((entry) => entry.slice(top.length + 1));
      expect(files.filter((entry) => !entry.startsWith("share/man/man1/qn"))).toEqual([
        "LICENSE",
        "README.md",
        "THIRD-PARTY-NOTICES.txt",
        "bin/qn",
        "share/completions/_qn",
        "share/completions/qn.bash",
        "share/completions/qn.fish",
      ]);
      expect(files).toContain("share/man/man1/qn-image-ls.1");
      // Neither a name nor a time in gzip's head (RFC 1952).
      const head = (await readFile(path)).subarray(0, 8);
      expect([...head]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    }
  },
);

test.skipIf(!isLinux)(
  "sums, their signature, the list of images, the list of parts and the formula say the same",
  async () => {
    await using folder = await newFolder();
    const parts = await releaseParts(folder.path);
    const { folder: made } = await makeWholeRelease(parts);
    const inMade = (name: string): string => join(made, name);
    const sums = await sumsIn(made);

    // As a person checks it by hand, with the words of docs/releases.md.
    await writeFile(join(folder.path, "key.pem"), parts.pair.publicPem);
    await succeed(["openssl", "base64", "-d", "-in", inMade("SHA256SUMS.sig"), "-out", "sums.bin"], folder.path);
    const verify = [
      "openssl",
      "pkeyutl",
      "-verify",
      "-pubin",
      "-inkey",
      "key.pem",
      "-rawin",
      "-sigfile",
      "sums.bin",
      "-in",
    ];
    await succeed([...verify, inMade("SHA256SUMS")], folder.path);
    await writeFile(join(folder.path, "other"), `${await readFile(inMade("SHA256SUMS"), "utf8")}\n`);
    expect((await runProgram([...verify, "other"], { cwd: folder.path })).exitCode).not.toBe(0);
    await succeed(["sha256sum", "--check", "--strict", "SHA256SUMS"], made);
    const listed = (await readFile(inMade("SHA256SUMS"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => line.split("  ")[1]);
    expect(listed).toEqual(Object.keys(sums).filter((name) => !name.startsWith("SHA256SUMS")));

    const text = await readFile(inMade("images.json"), "utf8");
    requireSigned(
      Buffer.from(text),
      await readFile(inMade("images.json.sig"), "utf8"),
      [createPublicKey(parts.pair.publicPem)],
      "here",
    );
    const images = parseRelease(text, "here");
    expect(images.images.map(({ image, minQn }) => [image.arch, minQn])).toEqual([
      ["x86_64", version],
      ["aarch64", version],
    ]);
    expect(images.signedAtMs).toBe(1_700_000_000_000);
    for (const { download } of images.images.flatMap(({ files }) => files))
      expect(download.sha256).toBe(sums[download.name] ?? "");

    const sbom = JSON.parse(await readFile(inMade(`qn-${version}.cdx.json`), "utf8"));
    expect(await schemaFaults(sbom)).toEqual([]);
    const files: { name: string; type: string; hashes: { content: string }[] }[] = sbom.components.filter(
      ({ type }: { type: string }) => type === "file",
    );
    const downloads = Object.entries(sums).filter(([name]) =>
      /^(qn-.*\.tar\.gz|debian-.*|images\.json.*|install\.sh)$/.test(name),
    );
    expect(Object.fromEntries(files.map(({ name, hashes }) => [name, hashes[0]?.content]))).toEqual(
      Object.fromEntries(downloads),
    );
    const inside = sbom.dependencies.find(
      ({ ref }: { ref: string }) => ref === `qn-${version}-darwin-arm64.tar.gz`,
    ).dependsOn;
    expect(inside).toContain(`@oven/bun-darwin-aarch64@${manifest.devDependencies.bun}`);
    expect(inside).toContain(`valibot@${manifest.dependencies.valibot}`);
    expect(inside.filter((ref: string) => /ssh2|protobufjs|grpc|typescript|knip/.test(ref))).toEqual([]);

    const formula = await readFile(inMade("qn.rb"), "utf8");
    const named = [...formula.matchAll(/url "https:\/\/mirror\.example\/qn\/v([^/]+)\/(\S+)"\n\s+sha256 "(\w+)"/g)];
    expect(named.map(([, ...said]) => said.join(" ")).toSorted()).toEqual(
      archives.map((name) => `${version} ${name} ${sums[name]}`).toSorted(),
    );
  },
);

/** What is refused, with the words that say so: nothing is left of it then. */
const refused: Readonly<
  Record<string, readonly [more: (folder: string) => Promise<Partial<WholeParts>>, says: string]>
> = {
  "changes that are not committed": [
    async () => ({ source: { commit: "c", committedS: 1, changes: [" M src/main.ts", "?? notes"] } }),
    "the tree has changes that are not committed ( M src/main.ts, ?? notes)",
  ],
  "a changelog that has not its version": [
    async () => ({ changelog: "## [Unreleased]\n\n- Something.\n" }),
    `no section [${version}]`,
  ],
  "no key": [async () => ({ keys: new Map() }), "There is no key to sign with"],
  "what is no key": [async () => ({ keys: new Map([["notes.txt", "words"]]) }), '"notes.txt" is no private key in PEM'],
  "a key of another kind": [
    async () => ({
      keys: new Map([
        [
          "rsa.pem",
          generateKeyPairSync("rsa", { modulusLength: 2048 })
            .privateKey.export({ type: "pkcs8", format: "pem" })
            .toString(),
        ],
      ]),
    }),
    '"rsa.pem" is a key of rsa, and has to be one of ed25519',
  ],
  "a key that no qn knows": [
    async () => ({ trusted: [] }),
    "src/host/image/pull/keys.ts does not have the other half of key.pem",
  ],
  "an image of one architecture alone": [
    async (folder) => {
      await rm(join(folder, "images/debian-aarch64"), { recursive: true });
      return {};
    },
    "/images/debian-aarch64",
  ],
  "an image whose agent it cannot speak with": [
    async (folder) => {
      await newImage(join(folder, "images/debian-aarch64"), { arch: "aarch64", protocol: 1 });
      return {};
    },
    "/images/debian-aarch64 speaks protocol 1",
  ],
  "a program that is missing": [
    async (folder) => {
      await rm(join(folder, "programs/qn-darwin-x64"));
      return {};
    },
    "/programs/qn-darwin-x64",
  ],
  "a time that is none": [
    async () => ({ env: { SOURCE_DATE_EPOCH: "yesterday" } }),
    'SOURCE_DATE_EPOCH is "yesterday"',
  ],
};

for (const [what, [more, says]] of Object.entries(refused)) {
  test.skipIf(!isLinux)(`a release with ${what} is refused, and nothing of it stays`, async () => {
    await using folder = await newFolder();
    const parts = await releaseParts(folder.path);
    await expect(makeWholeRelease({ ...parts, ...(await more(folder.path)) })).rejects.toThrow(says);
    expect(await readdir(parts.out).catch(() => [])).toEqual([]);
  });
}

test.skipIf(!isLinux)("a trial is made of what would be refused, and says what it lacks", async () => {
  await using folder = await newFolder();
  const source = { commit: "c", committedS: 1, changes: ["?? notes"] };
  const parts = await releaseParts(folder.path, {
    source,
    changelog: "",
    trusted: [],
    isTrial: true,
    images: "leave out",
  });
  expect((await makeWholeRelease(parts)).lacks).toEqual([
    "the tree has changes that are not committed (?? notes)",
    `CHANGELOG.md has no section [${version}] with its date`,
    "src/host/image/pull/keys.ts does not have the other half of key.pem",
    "it has no guest images",
    "its programs were made elsewhere",
  ]);
  await expect(makeWholeRelease(parts)).rejects.toThrow(`${join(parts.out, `v${version}`)} is there already`);
});

test("the time of a release is its commit's, and git says what is not committed", async () => {
  await using folder = await newFolder();
  const git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
  const env = { GIT_COMMITTER_DATE: "2026-01-02T03:04:05+02:00", GIT_CONFIG_GLOBAL: "/dev/null" };
  for (const words of [
    ["init", "--quiet"],
    ["commit", "--quiet", "--allow-empty", "--message", "one"],
  ])
    expect(await runProgram([...git, ...words], { cwd: folder.path, env })).toMatchObject({ exitCode: 0 });
  const clean = await sourceState(folder.path);
  expect(clean).toEqual({ commit: expect.stringMatching(/^[0-9a-f]{40}$/), committedS: 1_767_315_845, changes: [] });
  await mkdir(join(folder.path, "new"));
  await writeFile(join(folder.path, "new/file"), "");
  expect((await sourceState(folder.path)).changes).toEqual(["?? new/"]);
  expect([releaseTimeS(clean, {}), releaseTimeS(clean, { SOURCE_DATE_EPOCH: "5" })]).toEqual([1_767_315_845, 5]);
});
