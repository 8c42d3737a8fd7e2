/** What `qn upgrade` reads: lists of sums, receipts, and the paths of programs that came in another way. */
import { expect, test } from "bun:test";
import { archivesIn, isVersion, targetOf } from "../../../../src/host/upgrade/files.ts";
import { otherWay } from "../../../../src/host/upgrade/other-ways.ts";
import { formatReceipt, parseReceipt } from "../../../../src/host/upgrade/receipt.ts";
import { ownRelease, ownReleases } from "../../../../src/host/image/pull/addresses.ts";
import { failureOf } from "../../../support/failures.ts";

test("a list of sums has an archive for this platform where its name says so, and nowhere else", () => {
  const [sum, other] = ["a".repeat(64), "b".repeat(64)];
  const sums = [
    `${sum}  qn-0.2.0-linux-x64.tar.gz`,
    `${other} *qn-0.1.0-linux-x64.tar.gz`,
    `${other}  qn-0.3.0-linux-arm64.tar.gz`,
    `${other}  qn-0.3.0-linux-x64.tar.gz.sig`,
    `${other}  ../qn-0.3.0-linux-x64.tar.gz`,
    `${other}  qn-0.3.0-x-linux-x64.tar.gz`,
    `${other.slice(1)}  qn-0.3.0-linux-x64.tar.gz`,
    `${other}  qn-linux-x64.tar.gz`,
    "",
  ].join("\n");
  expect([...archivesIn(sums, "linux-x64")]).toEqual([
    ["0.2.0", sum],
    ["0.1.0", other],
  ]);
});

test("a version is numbers with dots between, so that it is a path's part and a shell's word as it stands", () => {
  expect(["1", "0.2.0", "10.20.30.40"].map(isVersion)).toEqual([true, true, true]);
  expect(["", "v1", "1.", "1..2", "1.2-rc1", "../1", "1 2", "1\n", "9".repeat(10)].filter(isVersion)).toEqual([]);
});

test("files of an archive go to their places, and those that this qn does not know nowhere", () => {
  expect(["bin/qn", "share/man/man1/qn-image-ls.1", "share/completions/_qn"].map(targetOf)).toEqual([
    "bin/qn",
    "share/man/man1/qn-image-ls.1",
    "share/zsh/site-functions/_qn",
  ]);
  const strange = ["bin/other", "share/man/man1/ls.1", "share/man/man1/../../x.1", "constructor", "etc/passwd"];
  expect(strange.map(targetOf)).toEqual(strange.map(() => undefined));
});

test("a receipt is read as it was written, and one that names a file of others is refused", async () => {
  const receipt = { format: 1, base: null, key: null, files: ["bin/qn", "share/man/man1/qn.1"] } as const;
  expect(parseReceipt(formatReceipt({ ...receipt, files: [...receipt.files, "bin/qn"] }), "")).toEqual({
    ...receipt,
    files: [...receipt.files],
  });
  for (const file of [
    "/etc/passwd",
    "etc/passwd",
    "bin/../../x",
    "bin/./qn",
    "home",
    "bin",
    "bin//qn",
    "share/x\ny",
    ".ssh/id",
  ]) {
    const failure = await failureOf(() => parseReceipt(JSON.stringify({ ...receipt, files: [file] }), "place"));
    expect([file, failure.code]).toEqual([file, "UPGRADE_REFUSED"]);
  }
  expect((await failureOf(() => parseReceipt("{", "place"))).message).toBe("place is not what install.sh writes.");
});

test("each other way to a qn has its own line", () => {
  const line = (path: string, isSource = false) => otherWay({ path, isSource }).command.split(" (")[0];
  expect([
    line("/opt/homebrew/Cellar/qn/0.2.0/bin/qn"),
    line("/home/linuxbrew/.linuxbrew/Cellar/qn/0.2.0/bin/qn"),
    line("/nix/store/0123-qn-0.2.0/bin/qn"),
    line("/home/ann/qn/dist/qn"),
    line("/home/ann/qn/node_modules/bun", true),
    line("/usr/local/bin/qn"),
  ]).toEqual([
    "brew upgrade qn",
    "brew upgrade qn",
    "nix profile upgrade qn",
    "git pull && bun scripts/build.ts",
    "git pull",
    "sh install.sh",
  ]);
});

test("releases and the newest of them are below one address", () => {
  expect(ownReleases).toMatch(/^https:\/\/github\.com\/[^/]+\/qn\/releases\/download\/$/);
  expect(ownRelease).toBe(ownReleases.replace("/download/", "/latest/download/"));
});
