/** A template and its copies on the real QEMU, without a guest: what a copy shares, and what it may have otherwise. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VmConfig } from "../../../../src/host/config/schema.ts";
import { hashOf } from "../../../../src/host/image/store.ts";
import { layoutOf, type VmPaths } from "../../../../src/host/layout.ts";
import { qemuArgs } from "../../../../src/host/qemu/args.ts";
import { probeHost } from "../../../../src/host/qemu/probe.ts";
import { awaitQmp, type QmpClient } from "../../../../src/host/qmp/client.ts";
import { queryStatus } from "../../../../src/host/qmp/commands.ts";
import { goOn, loadFrom, saveTo } from "../../../../src/host/qmp/migrate.ts";
import { receiveStream, sendStream } from "../../../../src/host/supervisor/suspend/stream.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { findProgram } from "../../../../src/system/process.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { folderIn, furnishedVm } from "../../../support/real-qemu.ts";

setDefaultTimeout(programsMs);

type Running = AsyncDisposable & { readonly client: QmpClient; readonly paths: VmPaths };

/** A QEMU of the template, or of what is copied from it. */
async function start(
  home: string,
  name: string,
  template: VmPaths,
  mounts: VmConfig["mounts"],
  more: readonly string[] = [],
): Promise<Running> {
  const arch = ownArch();
  const options = { env: process.env, cacheFolder: join(home, "_cache"), sound: false, window: false };
  const facts = await probeHost(arch, options);
  const { spec, ports } = await furnishedVm(home, facts, { arch, mounts }, { name, template });
  // What each is told at boot has its own length.
  await writeFile(layoutOf(home).vm(name).credentialFile, `io.systemd.credential:qn.boot=${name.repeat(999)}`);
  const child = Bun.spawn([...qemuArgs(spec, ports), ...more], { stdio: ["ignore", "ignore", "inherit"] });
  const gone = new AbortController();
  void child.exited.then(() => gone.abort());
  return {
    client: await awaitQmp(spec.qmpSocket, { signal: gone.signal }),
    paths: layoutOf(home).vm(name),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

const isThere = (await findProgram(`qemu-system-${ownArch()}`)) !== undefined;

test.skipIf(!isThere)(
  "copies go on from one template, which they do not change, each with mounts of its own",
  async () => {
    const home = await mkdtemp(join(tmpdir(), "q,n ü"));
    try {
      const template = layoutOf(home).vm("template");
      const state = join(home, "state");
      const saved = await (async () => {
        await using running = await start(home, "template", template, []);
        await running.client.execute("stop");
        const socket = running.paths.suspendSocket;
        return await receiveStream(socket, state, () => saveTo(running.client, socket, true));
      })();
      // The guest has 512 MiB.
      expect(saved.bytes).toBeLessThan(16 * 1024 ** 2);
      expect((await stat(template.memory)).size).toBe(512 * 1024 ** 2);
      const before = await hashOf(template.memory);
      const load = async (name: string, mounts: VmConfig["mounts"]): Promise<Running> => {
        const running = await start(home, name, template, mounts, ["-S", "-incoming", "defer"]);
        const socket = running.paths.suspendSocket;
        await loadFrom(running.client, `unix:${socket}`, () => sendStream(state, socket, saved), true);
        await goOn(running.client);
        return running;
      };
      const mount = { path: folderIn(home, "shown"), readOnly: true };
      await using one = await load("one", [mount]);
      await using other = await load("other", [mount, { path: folderIn(home, "too"), readOnly: false }]);
      for (const { client } of [one, other]) expect((await queryStatus(client)).status).toBe("running");
      // What the firmware writes while it looks for a system is the copy's.
      await one.client.execute("system_reset");
      expect((await queryStatus(one.client)).status).toBe("running");
      expect(await hashOf(template.memory)).toBe(before);
    } finally {
      await rm(home, { recursive: true });
    }
  },
);
