/** A real QEMU whose guest does nothing but talk on its console. A QEMU that is not installed is a skip. */
import { expect, test } from "bun:test";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bareArgs } from "../../../../src/host/qemu/args.ts";
import { headless, monitor, serialConsole } from "../../../../src/host/qemu/devices.ts";
import { option } from "../../../../src/host/qemu/option.ts";
import { guestPlatforms } from "../../../../src/host/qemu/platforms.ts";
import { awaitQmp } from "../../../../src/host/qmp/client.ts";
import { queryStatus, quit } from "../../../../src/host/qmp/commands.ts";
import { keepConsole } from "../../../../src/host/supervisor/boot/console.ts";
import { limitLogs } from "../../../../src/host/supervisor/boot/log-limit.ts";
import { isThere } from "../../../../src/system/files.ts";
import { findProgram } from "../../../../src/system/process.ts";
import { newFolder } from "../../../support/folder.ts";
import { until } from "../../../support/until.ts";

const qemu = findProgram(guestPlatforms.x86_64.binary);

/** 64 KiB whose last 16 bytes a processor begins with: mov dx, 0x3f8; mov al, "x"; again: out dx, al; jmp again. */
function talkingFirmware(): Buffer {
  const rom = Buffer.alloc(65_536);
  Buffer.from([0xba, 0xf8, 0x03, 0xb0, 0x78, 0xee, 0xeb, 0xfd]).copy(rom, rom.length - 16);
  return rom;
}

/** Little, for an emulated guest that a busy machine lets talk is slow. */
const bytesMax = 20_000;
/** A log is cut one piece late, and a piece is what one read takes. */
const cutLateBytes = 1024 ** 2;

test.skipIf(qemu === undefined)(
  "a guest that talks without a pause has its part of the disk, and none while nobody is there to hear it",
  async () => {
    await using folder = await newFolder();
    const at = (name: string): string => join(folder.path, name);
    await writeFile(at("talking.rom"), talkingFirmware());
    const argv = [
      qemu ?? "",
      ...bareArgs,
      ...option("-machine", "pc,accel=tcg"),
      ...option("-bios", at("talking.rom")),
      ...monitor(at("qmp.sock")),
      ...serialConsole(at("serial.sock")),
      ...headless(),
    ];
    const child = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "inherit" });
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
