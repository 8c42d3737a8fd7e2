/** A small assembler for BPF (RFC 9669): only the instructions that qn's programs are made of. Touches nothing. */

/** A place that jumps lead to, by its name. */
type Label = { readonly label: string };

/** One instruction; `to` is where it jumps. */
type Instruction = {
  readonly code: number;
  readonly target?: number;
  readonly source?: number;
  readonly offset?: number;
  readonly value?: number;
  readonly to?: string;
};

/** A line of a program. */
export type BpfLine = Label | Instruction | readonly Instruction[];

/** Bytes of what is read or written, as the instruction has them (RFC 9669, 5.1: H, W). */
const sizes = { 2: 0x08, 4: 0x00 } as const;
type Size = keyof typeof sizes;

/**
 * Registers: helpers answer in 0, are given 1 to 5, and leave 6 to 9 alone, of which the first is where a program keeps
 * what it was given; 10 is the frame (RFC 9669, 2.2 and linux/bpf.h).
 */
export const registers = { answer: 0, context: 6, frame: 10 } as const;

/** The instructions; registers by number, offsets in bytes. */
export const bpf = {
  /** Jumps come here. */
  label: (label: string): Label => ({ label }),
  /** `target` = what is at `source` + `offset`, its upper bits zero. */
  load: (size: Size, target: number, source: number, offset: number): Instruction => {
    return { code: 0x61 | sizes[size], target, source, offset };
  },
  /** What is at `target` + `offset` = the lower bits of `source`. */
  store: (size: Size, target: number, offset: number, source: number): Instruction => {
    return { code: 0x63 | sizes[size], target, source, offset };
  },
  /** 64 bits of a register. */
  copy: (target: number, source: number): Instruction => ({ code: 0xbf, target, source }),
  /** A signed number of 32 bits, made one of 64. */
  set: (target: number, value: number): Instruction => ({ code: 0xb7, target, value }),
  /** Any number of 64 bits: one instruction in two places. */
  setLong: (target: number, value: bigint): readonly Instruction[] => [
    { code: 0x18, target, value: Number(BigInt.asIntN(32, value)) },
    { code: 0, value: Number(BigInt.asIntN(32, value >> 32n)) },
  ],
  add: (target: number, value: number): Instruction => ({ code: 0x07, target, value }),
  /** Jumps if all 64 bits are those of the number, made 64 bits, or are not. */
  ifIs: (target: number, value: number, to: string): Instruction => ({ code: 0x15, target, value, to }),
  ifIsNot: (target: number, value: number, to: string): Instruction => ({ code: 0x55, target, value, to }),
  /** Jumps if two registers differ. */
  ifDiffer: (target: number, source: number, to: string): Instruction => ({ code: 0x5d, target, source, to }),
  /** Calls one of the kernel's helpers by its number; registers 1 to 5 are lost, and 0 has the answer. */
  call: (value: number): Instruction => ({ code: 0x85, value }),
  exit: { code: 0x95 },
} as const;

/** The program as the kernel takes it: eight bytes an instruction, little-endian. Throws on a label that is nowhere. */
export function assemble(lines: readonly BpfLine[]): Uint8Array {
  const places = new Map<string, number>();
  const instructions: Instruction[] = [];
  for (const line of lines) {
    if ("label" in line) places.set(line.label, instructions.length);
    else instructions.push(...[line].flat());
  }
  const bytes = Buffer.alloc(instructions.length * instructionBytes);
  for (const [index, { code, target = 0, source = 0, offset = 0, value = 0, to }] of instructions.entries()) {
    const at = index * instructionBytes;
    bytes.writeUInt8(code, at);
    bytes.writeUInt8((source << 4) | target, at + 1);
    bytes.writeInt16LE(to === undefined ? offset : distance(places, to, index), at + 2);
    bytes.writeInt32LE(value, at + 4);
  }
  return bytes;
}

// --- internal ---

const instructionBytes = 8;

/** How many instructions behind the next one the label is. */
function distance(places: ReadonlyMap<string, number>, to: string, index: number): number {
  const place = places.get(to);
  if (place === undefined) throw new Error(`There is no label ${to}.`);
  return place - index - 1;
}
