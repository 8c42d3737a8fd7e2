/**
 * The first ten minutes of four people, as README and guides have them typed, in an account that is as new as its QN_HOME. A
 * server of images stands for the release, and a registry for Docker Hub.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Glob } from "bun";
import { makeRelease } from "../../scripts/support/release/images.ts";
import { ownArch } from "../../src/system/platform.ts";
import { hubImages } from "../support/hub-images.ts";
import { newcomer } from "../support/newcomer.ts";
import { repository, runProgram } from "../support/program.ts";
import { asDockerHub, type Registry, registry } from "../support/registry.ts";
import { newKeyPair } from "../support/released-image.ts";
import { type ReleaseServer, releaseServer } from "../support/release-server.ts";
import { filesOf } from "../../scripts/support/shell-blocks.ts";
import { sharedImages } from "../support/temp-home.ts";
import { asExpected, readTranscript, transcriptOf, type Typed } from "../support/typist.ts";

const limitMs = 900_000;
const hasCompose = (await runProgram(["docker", "compose", "version"])).exitCode === 0;

let folder: string;
let images: ReleaseServer;
let hub: Registry;

beforeAll(async () => {
  folder = await mkdtemp("/tmp/qn-docs-");
  await chmod(folder, 0o755);
  const keys = newKeyPair();
  await makeRelease(join(folder, "release"), {
    images: [join(sharedImages, `debian-${ownArch()}`)],
    keys: [keys.privatePem],
    minQn: "0.1.0",
    signedAtMs: 1,
    zstd: { level: 1, windowLog: 20 },
  });
  await writeFile(join(folder, "key.pem"), keys.publicPem);
  images = await releaseServer(join(folder, "release"));
  hub = registry(await hubImages(folder));
}, limitMs);

afterAll(async () => {
  await images[Symbol.asyncDispose]();
  await hub[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

for (const path of [...new Glob("docs/*.txt").scanSync(import.meta.dir)].toSorted()) {
  const expected = readTranscript(await readFile(join(import.meta.dir, path), "utf8"));
  test.skipIf(!hasCompose && expected.some(({ line }) => line.startsWith("docker compose")))(
    `the first ten minutes of the ${basename(path, ".txt").replaceAll("-", " ")} are those that ${path} tells of`,
    async () => {
      await using person = await newcomer("qn-ann", {
        QN_IMAGE_URL: images.base,
        QN_IMAGE_KEY: join(folder, "key.pem"),
        QN_DOCKER_DAEMON: asDockerHub(hub),
      });
      const guide = await readFile(join(repository, "docs/guides/first-project.md"), "utf8");
      for (const [name, content] of filesOf(guide)) await writeFile(join(person.home, name), content);
      const typed: Typed[] = [];
      for (const { line } of expected) {
        typed.push(await person.typist.type(line));
        // What was printed before a run that ends too early would be lost.
        console.log(transcriptOf(typed.slice(-1)));
      }
      expect(transcriptOf(asExpected(typed, expected))).toBe(transcriptOf(expected));
    },
    limitMs,
  );
}
