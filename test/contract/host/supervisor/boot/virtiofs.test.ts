/** Who serves mounts by virtiofs is started before QEMU, and ends with it. */
import { expect, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf } from "../../../../../src/host/layout.ts";
import { startVirtiofs } from "../../../../../src/host/supervisor/boot/virtiofs.ts";
import { newVoice } from "../../../../../src/host/supervisor/boot/voice.ts";
import { failureOf } from "../../../../support/failures.ts";
import { newFolder } from "../../../../support/folder.ts";
import { processesWith } from "../../../../support/fake-vm.ts";
import { processesLeft } from "../../../../support/processes.ts";
import { until } from "../../../../support/until.ts";

const self = [process.execPath, join(import.meta.dir, "../../../../../src/main.ts")];

test("qn serves each mount of virtiofs by a process of its own", async () => {
  await using home = await newFolder();
  const paths = layoutOf(home.path).vm("default");
  await mkdir(paths.folder, { recursive: true });
  const served = ["qn0", "qn2"].map((tag) => ({ tag, path: home.path, readOnly: false }));
  const ended = Promise.withResolvers<string>();
  const voice = newVoice(paths);
  const servers = await startVirtiofs({ served, self }, paths, voice, ({ tag }) => ended.resolve(tag));
  // Their names are there when somebody listens, and not before.
  expect((await readdir(paths.folder)).filter((name) => name.includes(".sock")).toSorted()).toHaveLength(2);
  servers.stop();
  expect(["qn0", "qn2"]).toContain(await ended.promise);
  expect(await processesLeft(paths.folder)).toEqual([]);
  voice.close();
});

test("a mount that cannot be served is said before QEMU starts, with the server's last words", async () => {
  await using home = await newFolder();
  const paths = layoutOf(home.path).vm("default");
  await mkdir(join(paths.folder), { recursive: true });
  const served = [{ tag: "qn0", path: home.path, readOnly: false }];
  const voice = newVoice(paths);
  const refusing = ["sh", "-c", "echo It has no key. >&2; exit 1"];
  const starting = startVirtiofs({ served, self: refusing }, paths, voice, () => {});
  expect(await failureOf(() => starting)).toEqual({
    code: "QEMU_FAILED",
    message: `The server ended with status 1 for the mount ${home.path}.`,
    details: ["It has no key."],
  });
  voice.close();
});

test("servers that wait for QEMU end when who has started them is killed", async () => {
  await using home = await newFolder();
  const paths = layoutOf(home.path).vm("default");
  await mkdir(paths.folder, { recursive: true });
  const options = { served: [{ tag: "qn0", path: home.path, readOnly: false }], self };
  const source = join(import.meta.dir, "../../../../../src/host/supervisor/boot");
  const script = `
    const { startVirtiofs } = await import(${JSON.stringify(join(source, "virtiofs.ts"))});
    const { newVoice } = await import(${JSON.stringify(join(source, "voice.ts"))});
    const paths = ${JSON.stringify(paths)};
    await startVirtiofs(${JSON.stringify(options)}, paths, newVoice(paths), () => {});
    console.log("ready");
    setInterval(() => {}, 1000);
  `;
  const starter = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const words of starter.stdout) if (Buffer.from(words).includes("ready")) break;
  const serving = async (): Promise<number> => (await processesWith(`--folder=${home.path}`)).length;
  // The worker has the name of who starts it for a moment.
  await until("one who holds the mount, and its worker", 20_000, async () => (await serving()) === 2 || undefined);
  starter.kill("SIGKILL");
  await until("servers that have ended", 20_000, async () => (await serving()) === 0 || undefined);
});
