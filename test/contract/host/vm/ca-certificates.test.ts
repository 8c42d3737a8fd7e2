/** Which certificates dockerd is given: of real files, made by openssl, and of what a Mac's keychains say. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { QnError } from "../../../../src/base/errors.ts";
import { caCertificates, type CaStores, storesOf } from "../../../../src/host/vm/ca-certificates.ts";
import { run } from "../../../../src/system/process.ts";
import { type Certified, certify } from "../../../support/certificates.ts";
import { newFolder } from "../../../support/folder.ts";

type Place = AsyncDisposable & { readonly path: string };

let place: Place;
let first: Certified;
let second: Certified;
/** The authorities in PEM and as they are told. */
let pems: readonly [string, string];
let told: readonly [string, string];

beforeAll(async () => {
  place = await newFolder();
  const folders = ["first", "second"].map((name) => join(place.path, name));
  for (const folder of folders) await mkdir(folder);
  [first, second] = [await certify(folders[0] ?? "", ["a.test"]), await certify(folders[1] ?? "", ["b.test"])];
  pems = [await readFile(first.caFile, "utf8"), await readFile(second.caFile, "utf8")];
  told = [derOf(pems[0]), derOf(pems[1])];
});

afterAll(async () => await place[Symbol.asyncDispose]());

test("a file's certificates are told in their order, each once, and text around them is passed over", async () => {
  const text = `The company's\n${pems[1].replaceAll("\n", "\r\n")}\nand\n${pems[0]}${pems[1]}`;
  expect(await caCertificates(await file("both.pem", text))).toEqual([told[1], told[0]]);
  expect(await caCertificates("none")).toEqual([]);
});

test("everything in a file that is no certificate is told at once", async () => {
  const cut = pems[1].replace(/(-----BEGIN CERTIFICATE-----\n.{20}).*/, "$1");
  const text = [first.key, cut, pems[0], "-----BEGIN CERTIFICATE-----", pems[0], "-----BEGIN CERTIFICATE-----"].join(
    "\n",
  );
  const path = await file("mixed.pem", text);
  const { message, details } = await refusal(path);
  expect(message).toBe("docker.caCertificates: 4 mistakes.");
  expect(details).toEqual([
    `${path}: block 1 is a PRIVATE KEY, and no CERTIFICATE`,
    `${path}: block 2 is no certificate that can be read`,
    `${path}: block 4 is a block without an end, and no CERTIFICATE`,
    `${path}: block 6 is a block without an end, and no CERTIFICATE`,
  ]);
  // Nothing of a key is ever said.
  expect(JSON.stringify([message, details])).not.toContain(first.key.split("\n")[1] ?? "");
});

test("a file that is none, is not there or holds nothing is a sentence with its name", async () => {
  const pipe = join(place.path, "pipe");
  await run(["mkfifo", pipe]);
  const [empty, large] = [await file("empty.pem", ""), await file("large.pem", "x".repeat(1_048_577))];
  const absent = join(place.path, "absent.pem");
  expect((await refusal(pipe)).message).toBe(`docker.caCertificates: ${pipe} is not a file.`);
  expect((await refusal(empty)).message).toBe(`docker.caCertificates: ${empty} holds no certificate.`);
  expect((await refusal(large)).message).toEndWith("has 1048577 bytes, and may have 1048576.");
  expect((await refusal(absent)).message).toStartWith(`docker.caCertificates: ${absent} cannot be read: ENOENT`);
});

test("more than a guest can be told is refused with its size", async () => {
  const serials = Array.from({ length: 65 }, (_, index) => newCertificate("-set_serial", `${index + 1}`));
  const many = (await Promise.all(serials)).join("");
  const limit = "are more than a guest can be told, which is 64 of 28000 bytes.";
  expect((await refusal(await file("many.pem", many))).message).toMatch(/: 65 certificates of \d+ bytes /);
  const long = await newCertificate("-addext", `nsComment=${"x".repeat(21_000)}`);
  const { message } = await refusal(await file("long.pem", long));
  expect(message).toMatch(/: 1 certificate of \d+ bytes /);
  expect(message).toEndWith(limit);
});

test("host is what was added to a Linux machine: files by their names, below folders too, PEM and DER", async () => {
  const debian = join(place.path, "debian");
  const fedora = join(place.path, "fedora");
  await mkdir(join(debian, "company"), { recursive: true });
  await mkdir(fedora);
  await Bun.write(join(debian, "company/a.crt"), pems[0]);
  await Bun.write(join(debian, "notes.txt"), "none of this is read");
  await Bun.write(join(fedora, "b.der"), Buffer.from(told[1], "base64"));
  const [ofDebian, ofFedora] = storesOf.linux.folders;
  const stores: CaStores = {
    folders: [
      { folder: debian, names: ofDebian?.names ?? /x/ },
      { folder: fedora, names: ofFedora?.names ?? /x/ },
      { folder: join(place.path, "nowhere"), names: /./ },
    ],
  };
  expect(await caCertificates("host", stores)).toEqual([told[0], told[1]]);
  await Bun.write(join(fedora, "broken"), "no certificate");
  const { message } = await refusal("host", stores);
  expect(message).toBe(`docker.caCertificates: ${join(fedora, "broken")} holds no certificate.`);
  // Nothing of a store is passed over since it cannot be listed.
  const notListed = { folders: [{ folder: first.caFile, names: /./ }] };
  expect((await refusal("host", notListed)).message).toContain(`${first.caFile} cannot be read: ENOTDIR`);
});

test("host on a Mac is the roots in its keychains, and no key of the system's or what somebody else has signed", async () => {
  // As `security find-certificate -a -p` says them: PEM, one behind the other; the server's was signed by the first.
  const said = await file("keychains.pem", `${first.cert}${pems[0]}${pems[1]}`);
  const mac = storesOf.darwin;
  const command = "/usr/bin/security find-certificate -a -p /Library/Keychains/System.keychain ";
  expect(mac.command?.join(" ")).toBe(`${command}${homedir()}/Library/Keychains/login.keychain-db`);
  expect(await caCertificates("host", { ...mac, command: ["cat", said] })).toEqual([told[0], told[1]]);
  expect(await caCertificates("host", { ...mac, command: ["true"] })).toEqual([]);
  const failing = { ...mac, command: ["sh", "-c", "echo no keychain >&2; exit 44"] };
  expect((await refusal("host", failing)).message).toBe("docker.caCertificates: sh -c failed: no keychain.");
});

// --- internal ---

async function file(name: string, text: string): Promise<string> {
  const path = join(place.path, name);
  await Bun.write(path, text);
  return path;
}

function derOf(pem: string): string {
  return new X509Certificate(pem).raw.toString("base64");
}

/** Another certificate of the second authority's key. */
async function newCertificate(...words: readonly string[]): Promise<string> {
  const key = join(place.path, "second/ca.key");
  return (await run(["openssl", "req", "-new", "-x509", "-key", key, "-subj", "/CN=another", ...words])).stdout;
}

async function refusal(setting: string, stores?: CaStores): Promise<QnError> {
  const refused = await caCertificates(setting, stores).catch((error: unknown) => error);
  if (!(refused instanceof QnError)) throw new Error("It should have been refused.");
  expect(refused.code).toBe("CONFIG_INVALID");
  return refused;
}
