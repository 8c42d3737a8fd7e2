/** A start without an image fetches the one that fits: by `qn up`, and by a service that Nix declares. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeRelease } from "../../../../scripts/support/release/images.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { failureOf } from "../../../support/failures.ts";
import { type FakeVm, fakeVm, programsMs, stateOf } from "../../../support/fake-vm.ts";
import { repository } from "../../../support/program.ts";
import { newKeyPair } from "../../../support/released-image.ts";
import { type ReleaseServer, releaseServer } from "../../../support/release-server.ts";

setDefaultTimeout(programsMs);

/** Makes a release of the VM's image, which is gone afterwards, and a server for it. */
async function released(vm: FakeVm): Promise<{ server: ReleaseServer; env: Record<string, string>; keyFile: string }> {
  const { home, images } = vm.layout;
  const keys = newKeyPair();
  const image = join(home, "_image");
  await rename(vm.layout.image("debian", ownArch()), image);
  await rm(images, { recursive: true });
  const folder = join(home, "_release");
  await makeRelease(folder, { images: [image], keys: [keys.privatePem], minQn: "0.1.0", signedAtMs: 1 });
  const keyFile = join(home, "_key.pem");
  await writeFile(keyFile, keys.publicPem);
  const server = await releaseServer(folder);
  return { server, keyFile, env: { ...vm.env, QN_IMAGE_URL: server.base, QN_IMAGE_KEY: keyFile } };
}

const fetching = expect.stringMatching(/^fetching the image "debian" 1 for \w+, .*, from localhost:\d+$/);

test("qn up without an image fetches it, and says so", async () => {
  await using vm = await fakeVm("boots");
  const { server, env } = await released(vm);
  await using _server = server;
  expect(await vm.up({ env })).toBe("started");
  expect(vm.told.slice(0, 2)).toEqual([fetching, "phase image"]);
  expect([(await stateOf(vm)).state, server.seen.length]).toEqual(["running", 1]);
});

test("an image that no key in this qn vouches for is missing, as before, and nobody is asked for it", async () => {
  await using vm = await fakeVm("boots");
  const { server, env } = await released(vm);
  await using _server = server;
  for (const without of [
    { ...env, QN_IMAGE_KEY: "" },
    { ...env, QN_IMAGE_URL: "none" },
  ]) {
    expect(await failureOf(() => vm.up({ env: without }))).toEqual({
      code: "IMAGE_MISSING",
      message: `There is no image "debian" for ${ownArch()} in ${vm.layout.images}.`,
    });
  }
  expect(await failureOf(() => vm.up({ env: { ...env, QN_IMAGE: "/nowhere" } }))).toEqual({
    code: "IMAGE_MISSING",
    message: `There is no image "/nowhere" for ${ownArch()}.`,
  });
  expect(server.seen).toEqual([]);
});

test("an image is fetched only for a machine that can run it", async () => {
  await using vm = await fakeVm("boots");
  const { server, env } = await released(vm);
  await using _server = server;
  const { code } = await failureOf(() => vm.up({ env: { ...env, QN_QEMU: "/nowhere/qemu" } }));
  expect([code, server.seen]).toEqual(["QEMU_MISSING", []]);
});

test("a declared VM's service fetches its image, by the declared settings, and whoever waits for it sees that", async () => {
  await using vm = await fakeVm("boots");
  const { server, keyFile } = await released(vm);
  await using _server = server;
  const release = Promise.withResolvers<void>();
  server.misbehave = async ({ response, headers, file }) => {
    await release.promise;
    response.writeHead(200, headers).end(file);
  };
  const settings = join(vm.layout.home, "_web.json");
  const declared = { imageUrl: server.base, imageKey: keyFile, mounts: [], cpus: 1, memoryMiB: 512, diskGiB: 2 };
  await writeFile(settings, JSON.stringify(declared));
  const command = [process.execPath, join(repository, "src/main.ts"), "supervise", "default", "--service"];
  const service = Bun.spawn([...command, "--settings", settings], {
    env: { ...vm.env, QN_HOME: vm.layout.home },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  await service.stdout.getReader().read();
  const onEvent = (event: { readonly event: string }): void => {
    vm.told.push(event.event === "fetching" && "text" in event ? String(event.text) : event.event);
    if (event.event === "fetching") release.resolve();
  };
  expect(await vm.up({ onEvent })).toBe("joined");
  expect(vm.told).toContainEqual(fetching);
  expect(await readFile(vm.paths.logs.supervisor, "utf8")).toContain('fetching the image "debian"');
  service.kill("SIGTERM");
  expect(await service.exited).toBe(0);
});
