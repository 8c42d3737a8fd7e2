/** A real QEMU whose guest does nothing but talk: on its console, or by what it makes QEMU itself say. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bareArgs } from "../../src/host/qemu/args.ts";
import { headless } from "../../src/host/qemu/devices.ts";
import { option } from "../../src/host/qemu/option.ts";
import { guestPlatforms } from "../../src/host/qemu/platforms.ts";
import { findProgram } from "../../src/system/process.ts";

/** QEMU, where it is installed. */
export const qemu = findProgram(guestPlatforms.x86_64.binary);

/** Its command line; the guest's firmware is made in `folder`, and `devices` are words for more of it. */
export async function floodingQemu(
  way: keyof typeof firmwares,
  folder: string,
  devices: readonly string[],
): Promise<string[]> {
  const firmware = join(folder, "flooding.rom");
  await writeFile(firmware, firmwares[way]());
  return [
    qemu ?? "",
    ...bareArgs,
    ...option("-machine", "pc,accel=tcg"),
    ...option("-bios", firmware),
    // Its queue is looked at at once, so that no reset is faster.
    ...option("-device", "virtio-rng-pci", { addr: 3, "disable-modern": "on", ioeventfd: "off" }),
    ...devices,
    ...headless(),
  ];
}

// --- internal ---

/** mov dx, 0x3f8; mov al, "x"; again: out dx, al; jmp again. */
const talking = ["baf803b078eeebfd"];

/** In real mode, against a virtio device of the old kind in slot 3 (virtio 1.0, 4.1.4.8: its registers). */
const breaking = [
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

const firmwares = { talks: () => romOf(talking), "breaks a device": () => romOf(breaking) };

/** 64 KiB; a processor begins 16 bytes before the end. */
function romOf(program: readonly string[]): Buffer {
  const rom = Buffer.alloc(65_536);
  rom.set(Buffer.from(program.join(""), "hex"), 0xff00);
  rom.set([0xe9, 0x0d, 0xff], 0xfff0); // jmp 0xff00
  return rom;
}
