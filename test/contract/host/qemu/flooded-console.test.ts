/** A real QEMU whose guest does nothing but talk on its console. A QEMU that is not installed is a skip. */
import { expect, test } from "bun:test";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { monitor, serialConsole } from "../../../../src/host/qemu/devices.ts";
import { awaitQmp } from "../../../../src/host/qmp/client.ts";
import { queryStatus, quit } from "../../../../src/host/qmp/commands.ts";
import { keepConsole } from "../../../../src/host/supervisor/boot/console.ts";
import { limitLogs } from "../../../../src/host/supervisor/boot/log-limit.ts";
import { isThere } from "../../../../src/system/files.ts";
import { floodingQemu, qemu } from "../../../support/flooding-guest.ts";
import { newFolder } from "../../../support/folder.ts";
import { until } from "../../../support/until.ts";

/** Little, for an emulated guest that a busy machine lets talk is slow. */
const bytesMax = 20_000;
/** A log is cut one piece late, and a piece is what one read takes. */
const cutLateBytes = 1024 ** 2;

test.skipIf(qemu === undefined)(
  "a guest that talks without a pause has its part of the disk, and none while nobody is there to hear it",
  async () => {
    await using folder = await newFolder();
    const at = (name: string): string => join(folder.path, name);
    const devices = [...monitor(at("qmp.sock")), ...serialConsole(at("serial.sock"))];
    const child = Bun.spawn(await floodingQemu("talks", folder.path, devices), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    });
    try {
      await using qmp = await awaitQmp(at("qmp.sock"));
      const [first, later] = [at("serial.log"), at("later.log")];
      const sizeOf = async (path: string): Promise<number> => (await stat(path)).size;
      await writeFile(first, "");
      const limit = limitLogs([first], bytesMax);
      const console = await keepConsole(at("serial.sock"), first);
      await until("the older part", 60_000, async () => (await isThere(`${first}.1`)) || undefined);
      console.close();
      limit.close();
      expect(await sizeOf(`${first}.1`)).toBeLessThan(bytesMax + cutLateBytes);
      const kept = await sizeOf(first);
      expect(kept).toBeLessThan(bytesMax + cutLateBytes);
      // QEMU takes the next one only once it has seen that the first is gone; the guest never stops.
      const next = await keepConsole(at("serial.sock"), later);
      await until("more words", 60_000, async () => (await sizeOf(later)) > 0 || undefined);
      next.close();
      expect([await sizeOf(first), await queryStatus(qmp)]).toEqual([kept, { running: true, status: "running" }]);
      await quit(qmp);
      expect(await child.exited).toBe(0);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  },
  150_000,
);
