/** The smallest guests there are: a firmware of a few instructions that counts and switches the machine off. */
import type { Arch } from "../../base/words.ts";

/** A guest that ends by itself, and how QEMU's exit status shows that every instruction of it ran. */
export type MiniGuest = {
  /** The content of a file for `-bios`. */
  readonly firmware: Uint8Array;
  /** More words for QEMU's command line. */
  readonly args: readonly string[];
  /** QEMU's exit status when the guest came to its end. */
  readonly exitCode: number;
};

/**
 * The guest for each architecture. Both count to 2^26: a blink for a processor, minutes for a KVM that only emulates.
 */
export const miniGuests: Record<Arch, () => MiniGuest> = {
  x86_64: () => ({
    firmware: x86Firmware(),
    args: ["-device", "isa-debug-exit,iobase=0x501,iosize=1"],
    // isa-debug-exit ends QEMU with 2 × value + 1.
    exitCode: 2 * x86ExitValue + 1,
  }),
  aarch64: () => ({ firmware: Buffer.from(armProgram.join(""), "hex"), args: [], exitCode: 0 }),
};

// --- internal ---

const x86ExitValue = 0x2a;

/**
 * The last 256 bytes of the ROM, which the processor sees at 0xfff00 and, at reset, at 0xffffff00. From real mode
 * straight into 64-bit mode with paging, as far as every kernel goes; a KVM that is broken often breaks on the way.
 */
const x86Program = [
  // At 0xfff00, in real mode:
  "fa", // cli
  "31c0", // xor ax, ax
  "8ed8", // mov ds, ax
  // Page tables: the first 2 MiB, where this program and its tables are, as one large page onto itself.
  "66c706001003200000", // mov dword [0x1000], 0x2003   (level 4 → 0x2000, present, writable)
  "66c706002003300000", // mov dword [0x2000], 0x3003   (level 3 → 0x3000)
  "66c706003083000000", // mov dword [0x3000], 0x83     (level 2: a page of 2 MiB at 0)
  "66b800100000", // mov eax, 0x1000
  "0f22d8", // mov cr3, eax
  "0f20e0", // mov eax, cr4
  "0c20", // or al, 0x20                 (physical address extension)
  "0f22e0", // mov cr4, eax
  "66b9800000c0", // mov ecx, 0xc0000080         (the EFER register)
  "0f32", // rdmsr
  "80cc01", // or ah, 1                    (long mode enable)
  "0f30", // wrmsr
  "2e660f01167aff", // lgdt cs:[0xff7a]            (the register image below)
  "0f20c0", // mov eax, cr0
  "660d01000080", // or eax, 0x80000001          (paging, protected mode)
  "0f22c0", // mov cr0, eax
  "66ea59ff0f000800", // jmp 8:0xfff59               (the next instruction, as 64-bit code)
  // At 0xfff59, in 64-bit mode:
  "b900000004", // mov ecx, 1 << 26
  "ffc9", // dec ecx
  "75fc", // jnz to the dec
  "66ba0105", // mov dx, 0x501
  "b02a", // mov al, 0x2a                (x86ExitValue)
  "ee", // out dx, al                  (isa-debug-exit: QEMU ends)
  "f4", // hlt                         (when that did not help)
  // At 0xfff6a, the descriptor table: nothing, and a segment of 64-bit code.
  "0000000000000000",
  "00000000009b2000",
  // At 0xfff7a, the image of its register: the table's last byte and its address.
  "0f00",
  "6aff0f00",
];

/** Where the processor starts, 16 bytes below the end: a far jump, so that it leaves the addresses below 4 GiB. */
const x86Reset = "ea00ff00f0"; // jmp 0xf000:0xff00

const x86RomBytes = 65_536;

function x86Firmware(): Uint8Array {
  const rom = Buffer.alloc(x86RomBytes);
  rom.set(Buffer.from(x86Program.join(""), "hex"), x86RomBytes - 256);
  rom.set(Buffer.from(x86Reset, "hex"), x86RomBytes - 16);
  return rom;
}

/** At address 0, where virt starts: count, then PSCI's SYSTEM_OFF (Arm DEN 0022), which ends QEMU with 0. */
const armProgram = [
  "0180a052", // movz w1, #0x400, lsl #16    (1 << 26)
  "21040071", // subs w1, w1, #1
  "e1ffff54", // b.ne to the subs
  "00018052", // movz w0, #0x0008
  "0080b072", // movk w0, #0x8400, lsl #16   (SYSTEM_OFF)
  "020000d4", // hvc #0
  "00000014", // b to itself                 (when that did not help)
];
