/** A real QEMU whose guest breaks a device again and again, of which QEMU says a line each time. Without QEMU a skip. */
import { expect, test } from "bun:test";
import { mkdir, readFile, stat } from "node:fs/promises";
import { layoutOf } from "../../../../src/host/layout.ts";
import { monitor } from "../../../../src/host/qemu/devices.ts";
import { awaitQmp } from "../../../../src/host/qmp/client.ts";
import { queryStatus, quit } from "../../../../src/host/qmp/commands.ts";
import { limitLogs } from "../../../../src/host/supervisor/boot/log-limit.ts";
import { newVoice, nextWords } from "../../../../src/host/supervisor/boot/voice.ts";
import { isThere } from "../../../../src/system/files.ts";
import { floodingQemu, qemu } from "../../../support/flooding-guest.ts";
import { newFolder } from "../../../support/folder.ts";
import { until } from "../../../support/until.ts";

const bytesMax = 20_000;
/** A log is cut one piece late, and a piece is what the FIFO holds. */
const cutLateBytes = 128 * 1024;

test.skipIf(qemu === undefined)(
  "what a guest makes QEMU say has its part of the disk, and none while nobody hears it; QEMU goes on",
  async () => {
    await using folder = await newFolder();
    const paths = layoutOf(folder.path).vm("default");
    await mkdir(paths.folder);
    const voice = newVoice(paths);
    const child = Bun.spawn(await floodingQemu("breaks a device", folder.path, monitor(paths.qmpSocket)), {
      stdin: "ignore",
      stdout: voice.fd,
      stderr: voice.fd,
    });
    const sizeOf = async (path: string): Promise<number> => (await stat(path)).size;
    try {
      await using qmp = await awaitQmp(paths.qmpSocket);
      const limit = limitLogs([paths.logs.qemu], bytesMax);
      const older = `${paths.logs.qemu}.1`;
      await until("the older part", 60_000, async () => (await isThere(older)) || undefined);
      voice.close();
      limit.close();
      expect(await readFile(older, "utf8")).toContain("Guest moved used index from 0 to 65535");
      expect(await sizeOf(older)).toBeLessThan(bytesMax + cutLateBytes);
      const kept = await sizeOf(paths.logs.qemu);
      expect(kept).toBeLessThan(bytesMax + cutLateBytes);
      // It answers, several times while its guest goes on, so it is not kept waiting.
      for (let times = 0; times < 20; times += 1) {
        expect(await queryStatus(qmp)).toEqual({ running: true, status: "running" });
      }
      expect(await sizeOf(paths.logs.qemu)).toBe(kept);
      const next = nextWords(paths);
      await until("more words", 60_000, async () => (await sizeOf(paths.logs.qemu)) > kept || undefined);
      next?.close();
      await quit(qmp);
      expect(await child.exited).toBe(0);
    } finally {
      voice.close();
      child.kill("SIGKILL");
      await child.exited;
    }
  },
  150_000,
);
