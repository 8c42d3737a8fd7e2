/** What a release's list may say, and which of its images is taken. */
import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { imageFor, newestVersions, parseRelease } from "../../../../../src/host/image/pull/release.ts";
import { publicKeyIn, requireSigned, signatureOf } from "../../../../../src/host/image/pull/signature.ts";

const hash = "ab".repeat(32);

/** An image of a list, with changes. */
function listed(says: {
  version?: string;
  protocol?: number;
  minQn?: string;
  file?: object;
  download?: object;
  image?: object;
}) {
  const { version = "13.8", protocol = 2, minQn = "0.1.0", file = {}, download = {}, image = {} } = says;
  const disk = { sha256: hash, sizeBytes: 100, virtualSizeBytes: 1000 };
  const guest = { name: "debian", version, arch: "x86_64", protocol, recipe: "debian-13/1", inputs: hash, disk };
  const packed = {
    name: "a.zst",
    bytes: 10,
    sha256: hash,
    compression: "zstd",
    pieceBytes: 4,
    pieces: [hash, hash, hash],
  };
  return {
    image: { ...guest, ...image },
    minQn,
    files: [{ file: "disk.qcow2", bytes: 100, sha256: hash, download: { ...packed, ...download }, ...file }],
  };
}

const parse = (...images: unknown[]) => parseRelease(JSON.stringify({ format: 1, signedAtMs: 1, images }), "here");
const wanted = { name: "debian", arch: "x86_64", protocol: 2, qn: "0.3.0" } as const;

test("the newest image that this qn can boot is taken", () => {
  const release = parse(
    listed({ version: "13.9", minQn: "0.4" }),
    listed({ version: "13.10", protocol: 3 }),
    listed({ version: "13.7" }),
    listed({ version: "13.8" }),
  );
  expect(imageFor(release, wanted, "here").image.version).toBe("13.8");
  expect(imageFor(release, { ...wanted, qn: "0.4.0" }, "here").image.version).toBe("13.9");
  expect(imageFor(release, { ...wanted, version: "13.7" }, "here").image.version).toBe("13.7");
  expect(newestVersions(release, wanted)).toEqual({ "debian-x86_64": { version: "13.8" } });
  expect(newestVersions(release, { ...wanted, protocol: 1 })).toEqual({});
});

test.each([
  [{ ...wanted, version: "12" }, 'has no image "debian@12" for x86_64. It has 13.8.'],
  [{ ...wanted, arch: "aarch64" }, 'has no image "debian" for aarch64.'],
  [{ ...wanted, name: "nixos" }, 'has no image "nixos" for x86_64.'],
  [{ ...wanted, protocol: 3 }, 'has "debian" for x86_64, but not for qn 0.3.0.'],
] as const)("an image that is not there is missing: %p", (asked, words) => {
  expect(() => imageFor(parse(listed({})), asked, "here")).toThrow(`The release at here ${words}`);
});

test.each([
  { file: { file: "../../x" } },
  { file: { file: ".bashrc" } },
  { file: { file: "image.json" } },
  { file: { file: "kernel" } },
  { file: { sha256: "cd".repeat(32) } },
  { file: { bytes: 99 } },
  { download: { name: "../x" } },
  { download: { name: "a/b" } },
  { download: { pieces: [hash] } },
  { download: { pieceBytes: 2 ** 40, pieces: [hash] } },
  { download: { compression: "xz" } },
  { image: { name: "../debian" } },
  { minQn: "new" },
])("a list is refused that says %p", (says) => {
  expect(() => parse(listed(says))).toThrow("The release at here is wrong at");
});

test("a list of another format is refused, and what is no list", () => {
  expect(() => parseRelease('{"format":2}', "here")).toThrow('is wrong at "format": is another format');
  expect(() => parseRelease("<html>", "here")).toThrow("The release at here is not JSON.");
});

test("a field that an older qn does not know does no harm", () => {
  expect(parse({ ...listed({}), later: true }).images).toHaveLength(1);
});

test("a release is believed that one of the keys has signed, whoever else has", () => {
  const [old, next, stranger] = [0, 1, 2].map(() => generateKeyPairSync("ed25519"));
  if (old === undefined || next === undefined || stranger === undefined) throw new Error("no keys");
  const list = Buffer.from("a list");
  const by = (...keys: (typeof old)[]) => keys.map(({ privateKey }) => signatureOf(list, privateKey)).join("");
  const check = (signatures: string, bytes = list) =>
    requireSigned(bytes, signatures, [old.publicKey, next.publicKey], "here");
  check(by(next));
  check(`\nnoise\n${by(stranger, old)}`);
  expect(() => check(by(stranger))).toThrow("signed by nobody whose key this qn knows");
  expect(() => check("")).toThrow("signed by nobody");
  expect(() => check(by(old), Buffer.from("another list"))).toThrow("signed by nobody");
});

test("only a public key of ed25519 is a key", () => {
  const pem = (
    key: { export(options: { type: "spki" | "pkcs8"; format: "pem" }): string | Buffer },
    type: "spki" | "pkcs8",
  ) => key.export({ type, format: "pem" }).toString();
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  expect(publicKeyIn(pem(publicKey, "spki"), "k").asymmetricKeyType).toBe("ed25519");
  const rsa = pem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey, "spki");
  for (const text of [pem(privateKey, "pkcs8"), rsa, "no key"]) {
    expect(() => publicKeyIn(text, "k")).toThrow(/^"k" is no public key/);
  }
});
