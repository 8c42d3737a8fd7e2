/** Fetching an image from servers that misbehave: whole, refused or resumable, and the old image stays until then. */
import { expect, test } from "bun:test";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { releaseFiles } from "../../../../../src/host/image/pull/release.ts";
import { findImage } from "../../../../../src/host/image/store.ts";
import { ownArch } from "../../../../../src/system/platform.ts";
import { failureOf } from "../../../../support/failures.ts";
import { type PullScene, pullScene, quickLimits } from "../../../../support/pull-scene.ts";
import { newImage, newKeyPair, newRelease } from "../../../../support/released-image.ts";
import { cutAfter, type Misbehaviour, send, stopAfter } from "../../../../support/release-server.ts";

/** What is left behind by a pull that succeeded. */
const clean = { images: [`debian-${ownArch()}`], parts: [] };

/** Puts an older image in place first, which has to be there still when the pull fails. */
async function failureBesideOld(scene: PullScene) {
  const old = join(scene.layout.images, `debian-${ownArch()}`);
  await newImage(old, { version: "12.0" });
  const failure = await failureOf(() => scene.pull());
  expect([await scene.version(), (await scene.left()).images]).toEqual(["12.0", clean.images]);
  return failure;
}

test("an image is fetched whole, in one request, and nothing else of it is left", async () => {
  await using scene = await pullScene();
  const said: string[] = [];
  const bytes: number[] = [];
  const pulled = await scene.pull({ onPhase: (text) => said.push(text), onBytes: (now) => bytes.push(now) });
  expect([pulled.isNew, await scene.version(), await scene.left()]).toEqual([true, "13.8", clean]);
  expect(scene.server.seen.map(({ range }) => range)).toEqual([undefined]);
  expect(said).toEqual([expect.stringMatching(/^fetching the image "debian" 13.8 for \w+, 586 KiB, from localhost:/)]);
  expect(bytes.at(-1)).toBe(scene.made.release.images[0]?.files[0]?.download.bytes);
  expect((await scene.pull()).isNew).toBe(false);
  expect(scene.server.seen).toHaveLength(1);
});

test("an image of several files is fetched from a folder without a copy of it in between", async () => {
  await using scene = await pullScene(undefined, { more: { kernel: "a kernel", initrd: "an initrd" } });
  const { folder, keyFile } = scene.made;
  const pulled = await scene.pull({ settings: { imageUrl: `file://${folder}`, imageKey: keyFile } });
  expect([await scene.version(), await scene.left(), scene.server.seen]).toEqual(["13.8", clean, []]);
  expect(await readFile(join(pulled.folder, "kernel"), "utf8")).toBe("a kernel");
});

/** Pulls over connections that are cut whenever another 300,000 bytes have come; `headers` are the server's own. */
async function pullInParts(scene: PullScene, headers: Record<string, string> = {}): Promise<void> {
  let endAt = 0;
  scene.server.misbehave = (call) => {
    Object.assign(call.headers, headers);
    endAt = call.start + 300_000;
    return stopAfter(call, 300_000);
  };
  await scene.pull({ onBytes: (bytes) => void (bytes === endAt && scene.server.hangUp()) });
}

test("connections that are cut go on where they were, with the server's word for the same content", async () => {
  await using scene = await pullScene(undefined, { diskBytes: 2_000_000 });
  await pullInParts(scene);
  expect([await scene.version(), await scene.left()]).toEqual(["13.8", clean]);
  const ranges = [300_000, 600_000, 900_000, 1_200_000, 1_500_000, 1_800_000].map((start) => `bytes=${start}-`);
  expect(scene.server.seen.map(({ range }) => range)).toEqual([undefined, ...ranges]);
  expect(scene.server.seen[1]?.ifRange).toMatch(/^"\d+-\d+"$/);
});

test("a server without a strong word for its content is asked for whole pieces only", async () => {
  await using scene = await pullScene();
  await pullInParts(scene, { etag: 'W/"1"' });
  expect(scene.server.seen.map(({ range, ifRange }) => [range, ifRange])).toEqual([
    [undefined, undefined],
    ["bytes=262144-", undefined],
    ["bytes=524288-", undefined],
  ]);
});

/** Each lies about ranges once the connection was cut; the image is whole in the end. */
const liars: Readonly<Record<string, Misbehaviour>> = {
  "the first bytes in place of those that were asked for": (call) =>
    call.start === 0 ? "honest" : send(call, 206, call.headers, call.file.subarray(0, call.file.length - call.start)),
  "a part without saying which": (call) =>
    call.start === 0 ? "honest" : send(call, 206, {}, call.file.subarray(call.start)),
  "another part, and says so": (call) => {
    const { start, file } = call;
    const range = `bytes ${start - 1}-${file.length - 1}/${file.length}`;
    return start === 0 ? "honest" : send(call, 206, { "content-range": range }, file.subarray(start - 1));
  },
  "all of it": (call) => send(call, 200, {}, call.file),
  "that there is nothing there": (call) => (call.start === 0 ? "honest" : send(call, 416, {})),
  "other bytes from the middle of a piece": (call) =>
    call.start === 0 ? "honest" : send(call, 206, call.headers, Buffer.alloc(call.file.length - call.start)),
};

test.each(Object.keys(liars))("a server that answers a range with %s is found out, and asked for all", async (name) => {
  const lie = liars[name] ?? (() => "honest");
  await using scene = await pullScene((call) => (call.index === 0 ? stopAfter(call, 300_000) : lie(call)));
  const { server } = scene;
  await scene.pull({ onBytes: (bytes) => void (bytes === 300_000 && server.seen.length === 1 && server.hangUp()) });
  expect(server.seen[1]?.range).toBe("bytes=300000-");
  expect([await scene.version(), await scene.left()]).toEqual(["13.8", clean]);
});

/** Servers that never give the image, and what is said of them. */
const refused: Readonly<Record<string, readonly [Misbehaviour, string, RegExp]>> = {
  "other bytes than were signed": [
    (call) => {
      const other = Buffer.from(call.file);
      other[200_000] = (other[200_000] ?? 0) ^ 1;
      return send(call, call.status, call.headers, other.subarray(call.start));
    },
    "IMAGE_UNTRUSTED",
    /is not what was signed, from byte 196608 on\.$/,
  ],
  "less than was signed, and says so": [
    (call) => send(call, 200, { "content-length": 9_000 }, call.file.subarray(0, 9_000)),
    "IMAGE_PULL_FAILED",
    /has 9000 bytes of it, and should have \d+\.$/,
  ],
  "less than was signed, time and again": [
    (call) => send(call, 200, { "transfer-encoding": "chunked" }, call.file.subarray(0, 9_000)),
    "IMAGE_PULL_FAILED",
    /^It was tried 5 times in vain: .* has ended after 9000 of \d+ bytes\.$/,
  ],
  "nothing but cut connections": [
    (call) => cutAfter(call, 1_000),
    "IMAGE_PULL_FAILED",
    /^It was tried 5 times in vain: .*closed/,
  ],
  "that it is not there": [(call) => send(call, 404, {}), "IMAGE_PULL_FAILED", /answers with status 404\.$/],
  "that it is busy, for ever": [
    (call) => send(call, 503, {}),
    "IMAGE_PULL_FAILED",
    /^It was tried 5 times in vain: .* answers with status 503\.$/,
  ],
  "it compressed in a way of its own": [
    (call) => send(call, 200, { "content-encoding": "gzip" }, Bun.gzipSync("x")),
    "IMAGE_PULL_FAILED",
    /sends it compressed in its own way \(gzip\)\.$/,
  ],
  "another address, on and on": [
    (call) => send(call, 302, { location: call.request.url ?? "" }),
    "IMAGE_PULL_FAILED",
    /sends on and on\.$/,
  ],
};

test.each(Object.keys(refused))("a server that sends %s is refused, and the old image stays", async (name) => {
  const [misbehave, code, words] = refused[name] ?? [() => "honest", "", /^$/];
  await using scene = await pullScene(misbehave);
  expect(await failureBesideOld(scene)).toEqual({ code, message: expect.stringMatching(words) });
});

test("a server that sends elsewhere is not followed", async () => {
  await using elsewhere = await pullScene();
  const location = elsewhere.server.base;
  await using scene = await pullScene((call) => send(call, 302, { location }));
  expect(await failureBesideOld(scene)).toEqual({
    code: "IMAGE_PULL_FAILED",
    message: expect.stringContaining(`sends on to ${location.slice(0, -1)}, where qn does not follow.`),
  });
  expect(elsewhere.server.seen).toEqual([]);
});

test("a server that sends on to itself is followed", async () => {
  await using scene = await pullScene((call) =>
    call.index > 0 ? "honest" : send(call, 302, { location: `${scene.server.base.slice(0, -1)}${call.request.url}` }),
  );
  await scene.pull();
  expect([await scene.version(), scene.server.seen.length]).toEqual(["13.8", 2]);
});

test("a server that says nothing for too long is asked again, and goes on where it was", async () => {
  await using scene = await pullScene((call) => (call.index > 0 ? "honest" : stopAfter(call, 300_000)));
  await scene.pull({ limits: { ...quickLimits, silenceMs: 1_500 } });
  expect(await scene.version()).toBe("13.8");
  expect(scene.server.seen[1]?.range).toBe("bytes=300000-");
});

test("a pull that is called off leaves the old image, and the next one goes on where it was", async () => {
  const interrupted = new AbortController();
  await using scene = await pullScene((call) => (call.index > 0 ? "honest" : stopAfter(call, 300_000)));
  const onBytes = (bytes: number): void => void (bytes === 300_000 && interrupted.abort());
  expect(await failureOf(() => scene.pull({ signal: interrupted.signal, onBytes }))).toEqual({
    code: "INTERRUPTED",
    message: "The image is not fetched whole.",
  });
  expect([await scene.version(), (await scene.left()).images]).toEqual([undefined, []]);
  await scene.pull();
  expect(scene.server.seen.map(({ range }) => range)).toEqual([undefined, "bytes=300000-"]);
  expect([await scene.version(), await scene.left()]).toEqual(["13.8", clean]);
});

test("what a pull has kept and somebody has changed is fetched again", async () => {
  const interrupted = new AbortController();
  await using scene = await pullScene((call) => (call.index > 0 ? "honest" : stopAfter(call, 300_000)));
  const onBytes = (bytes: number): void => void (bytes === 300_000 && interrupted.abort());
  await failureOf(() => scene.pull({ signal: interrupted.signal, onBytes }));
  const [part = ""] = (await scene.left()).parts;
  const path = join(scene.layout.cache, "pull", `debian-${ownArch()}`, part);
  const bytes = await readFile(path);
  bytes[70_000] = (bytes[70_000] ?? 0) ^ 1;
  await writeFile(path, bytes);
  await scene.pull();
  expect([scene.server.seen[1]?.range, await scene.version()]).toEqual(["bytes=65536-", "13.8"]);
});

test("two pulls at once fetch the image once", async () => {
  await using scene = await pullScene();
  const both = await Promise.all([scene.pull(), scene.pull()]);
  expect(both.filter(({ isNew }) => isNew)).toHaveLength(1);
  expect([await scene.version(), scene.server.seen.length, await scene.left()]).toEqual(["13.8", 1, clean]);
});

test("a release that a stranger has signed, or that was changed afterwards, is refused before anything is fetched", async () => {
  await using scene = await pullScene();
  const stranger = join(scene.layout.home, "stranger.pem");
  await writeFile(stranger, newKeyPair().publicPem);
  const untrusted = {
    code: "IMAGE_UNTRUSTED",
    message: `The release at ${scene.server.base}images.json is signed by nobody whose key this qn knows.`,
  };
  expect(await failureOf(() => scene.pull({ settings: { imageUrl: scene.server.base, imageKey: stranger } }))).toEqual(
    untrusted,
  );
  await appendFile(join(scene.made.folder, releaseFiles.list), " ");
  expect(await failureBesideOld(scene)).toEqual(untrusted);
  expect(scene.server.seen).toEqual([]);
});

test("without a key that vouches for it no release is taken", async () => {
  await using scene = await pullScene();
  const imageUrl = scene.server.base;
  for (const imageKey of ["release", "/nowhere.pem"]) {
    expect(await failureOf(() => scene.pull({ settings: { imageUrl, imageKey } }))).toMatchObject({
      code: "IMAGE_UNTRUSTED",
    });
  }
  expect(await failureOf(() => scene.pull({ settings: { imageUrl: "none", imageKey: scene.made.keyFile } }))).toEqual({
    code: "IMAGE_MISSING",
    message: "imageUrl is none: no image is fetched from anywhere.",
  });
});

test("a release that is older than one from the same address before is refused", async () => {
  await using scene = await pullScene();
  await scene.pull();
  const { keys, folder } = scene.made;
  await newRelease(folder, { keys, signedAtMs: 999, image: { version: "13.0" } });
  const { code, message } = await failureOf(() => scene.pull());
  expect([code, message]).toEqual([
    "IMAGE_UNTRUSTED",
    expect.stringContaining("is of 1970-01-01T00:00:00.999Z, and one"),
  ]);
  expect(await scene.version()).toBe("13.8");
});

test("a newer release takes the place of the image", async () => {
  await using scene = await pullScene();
  await scene.pull();
  const { keys, folder } = scene.made;
  await newRelease(folder, { keys, signedAtMs: 2_000, image: { version: "13.9" } });
  expect([(await scene.pull()).isNew, await scene.version(), await scene.left()]).toEqual([true, "13.9", clean]);
  expect(await readFile(join(scene.layout.cache, "newest.json"), "utf8")).toBe(
    `{"debian-${ownArch()}":{"version":"13.9"}}`,
  );
});

test("a download that unpacks to more than was signed is stopped", async () => {
  await using scene = await pullScene();
  const { keys, folder } = scene.made;
  // Who signs is believed, and still no disk is filled by what unpacks to more than it says.
  const path = join(folder, releaseFiles.list);
  const list = JSON.parse(await readFile(path, "utf8")) as {
    images: { image: { disk: { sizeBytes: number } }; files: { bytes: number }[] }[];
  };
  for (const { image, files } of list.images) {
    image.disk.sizeBytes = 1_000;
    for (const file of files) file.bytes = 1_000;
  }
  const { signatureOf } = await import("../../../../../src/host/image/pull/signature.ts");
  const { createPrivateKey } = await import("node:crypto");
  const text = JSON.stringify(list);
  await writeFile(path, text);
  await writeFile(
    join(folder, releaseFiles.signatures),
    signatureOf(Buffer.from(text), createPrivateKey(keys.privatePem)),
  );
  expect(await failureBesideOld(scene)).toEqual({
    code: "IMAGE_UNTRUSTED",
    message: expect.stringContaining("unpacks to another disk.qcow2 than was signed: it has more than 1000 bytes."),
  });
});

test("an image that no release has is missing, with what there is instead", async () => {
  await using scene = await pullScene();
  const { code, message } = await failureOf(() => scene.pull({ version: "12.1" }));
  const words = `The release at ${scene.server.base}images.json has no image "debian@12.1" for ${ownArch()}. It has 13.8.`;
  expect([code, message]).toEqual(["IMAGE_MISSING", words]);
  expect(await findImage(scene.layout.images, "debian", ownArch())).toBeUndefined();
});
