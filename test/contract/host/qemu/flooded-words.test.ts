/** A real QEMU whose guest breaks a device again and again, of which QEMU says a line each time. Without QEMU a skip. */
import { expect, test } from "bun:test";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf } from "../../../../src/host/layout.ts";
import { bareArgs } from "../../../../src/host/qemu/args.ts";
import { headless, monitor } from "../../../../src/host/qemu/devices.ts";
import { option } from "../../../../src/host/qemu/option.ts";
import { guestPlatforms } from "../../../../src/host/qemu/platforms.ts";
import { awaitQmp } from "../../../../src/host/qmp/client.ts";
import { queryStatus, quit } from "../../../../src/host/qmp/commands.ts";
import { limitLogs } from "../../../../src/host/supervisor/boot/log-limit.ts";
import { newVoice, nextWords } from "../../../../src/host/supervisor/boot/voice.ts";
import { isThere } from "../../../../src/system/files.ts";
import { findProgram } from "../../../../src/system/process.ts";
import { newFolder } from "../../../support/folder.ts";
import { until } from "../../../support/until.ts";

const qemu = findProgram(guestPlatforms.x86_64.binary);

/** In real mode, against a virtio device of the old kind in slot 3 (virtio 1.0, 4.1.4.8: its registers). */
const program = [
  "66b810180080baf80c66ef", // mov eax, 0x80001810; mov dx, 0xcf8; out dx, eax   (its first base address)
  "66b801c00000bafc0c66ef", // mov eax, 0xc001; mov dx, 0xcfc; out dx, eax       (ports from 0xc000)
  "66b804180080baf80c66ef", // mov eax, 0x80001804; mov dx, 0xcf8; out dx, eax   (its command)
  "66b807000000bafc0c66ef", // mov eax, 7; mov dx, 0xcfc; out dx, eax            (ports, memory, bus master)
  "b800108ed8", // mov ax, 0x1000; mov ds, ax
  "c7068200ffff", // mov word [0x82], 0xffff                     (a ring of 8 whose index has run away)
  // again:
  "ba12c0b000eeb007ee", // mov dx, 0xc012; 0, then 7                      (reset; here is a driver)
  "ba0ec031c0ef", // mov dx, 0xc00e; 0                              (its first queue)
  "ba08c066b81000000066ef", // mov dx, 0xc008; 0x10                           (is at 0x10000)
  "ba10c031c0ef", // mov dx, 0xc010; 0                              (look at it)
  "ebde", // jmp again
];

/** 64 KiB; a processor begins with the last 16 bytes. */
function breakingFirmware(): Buffer {
  const rom = Buffer.alloc(65_536);
  rom.set(Buffer.from(program.join(""), "hex"), 0xff00);
  rom.set([0xe9, 0x0d, 0xff], 0xfff0); // jmp 0xff00
  return rom;
}

const bytesMax = 20_000;
/** A log is cut one piece late, and a piece is what the FIFO holds. */
const cutLateBytes = 128 * 1024;

test.skipIf(qemu === undefined)(
  "what a guest makes QEMU say has its part of the disk, and none while nobody hears it; QEMU goes on",
  async () => {
    await using folder = await newFolder();
    const paths = layoutOf(folder.path).vm("default");
    await mkdir(paths.folder);
    const firmware = join(folder.path, "breaking.rom");
    await writeFile(firmware, breakingFirmware());
    const argv = [
      qemu ?? "",
      ...bareArgs,
      ...option("-machine", "pc,accel=tcg"),
      ...option("-bios", firmware),
      // Looked at at once, so that no reset is faster.
      ...option("-device", "virtio-rng-pci", { addr: 3, "disable-modern": "on", ioeventfd: "off" }),
      ...monitor(paths.qmpSocket),
      ...headless(),
    ];
    const voice = newVoice(paths);
    const child = Bun.spawn(argv, { stdin: "ignore", stdout: voice.fd, stderr: voice.fd });
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
