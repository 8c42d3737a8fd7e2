/** Mach-O, the format of programs of macOS: header, load commands and segments of a 64-bit program for one processor. */

/** A piece of a file, in bytes from its beginning. */
export type Extent = { readonly offset: number; readonly size: number };

/** One load command, and where it stands in the file. */
export type LoadCommand = { readonly type: number; readonly at: Extent };

/** A segment (LC_SEGMENT_64): what of the file is mapped. `at` is the place of its load command. */
export type Segment = { readonly name: string; readonly at: Extent; readonly file: Extent };

export type MachO = {
  readonly arch: "arm64" | "x64";
  readonly commands: readonly LoadCommand[];
  readonly segments: readonly Segment[];
  /** Where the code signature lies, if there is one (LC_CODE_SIGNATURE). */
  readonly signature: Extent | undefined;
  /** Where the last symbol, string, export or fix-up ends: what `__LINKEDIT` holds beside a signature. */
  readonly linkEditEnd: number;
};

/** Sizes of `mach_header_64`, `segment_command_64` and `linkedit_data_command`, in bytes (mach-o/loader.h). */
export const headerBytes = 32;
const segmentCommandBytes = 72;
const linkEditCommandBytes = 16;

/** Load commands by number (mach-o/loader.h). */
export const loadCommands = {
  symbolTable: 0x2,
  dynamicSymbolTable: 0xb,
  segment64: 0x19,
  codeSignature: 0x1d,
} as const;

/**
 * Commands that name one piece of `__LINKEDIT` as `linkedit_data_command` does: function starts, data in code, split
 * info, code signing DRs, linker hints, exports trie, chained fix-ups.
 */
const pieceCommands = new Set([0x1e, 0x26, 0x29, 0x2b, 0x2e, 0x80000033, 0x80000034]);

/** `LC_DYLD_INFO` and `LC_DYLD_INFO_ONLY`: five pieces, one after the other. */
const dyldInfoCommands = new Set([0x22, 0x80000022]);

const magic64 = 0xfeedfacf;
/** Processors by their number (mach/machine.h). */
const arches: ReadonlyMap<number, MachO["arch"]> = new Map([
  [0x0100000c, "arm64"],
  [0x01000007, "x64"],
]);

/** Reads a program. Throws an error that says where a file that is none, or is cut off, stops being one. */
export function parseMachO(file: Uint8Array): MachO {
  const view = viewOf(file);
  const word = (at: number): number => wordAt(view, at);
  if (word(0) !== magic64) throw new Error("It is no 64-bit Mach-O file of one processor.");
  const arch = arches.get(word(4));
  if (arch === undefined) throw new Error(`Its processor is none that qn is built for: 0x${word(4).toString(16)}.`);
  const commands = [...commandsOf(view, word(16), word(20))];
  const segments = commands.filter(({ type }) => type === loadCommands.segment64).map(({ at }) => segmentAt(view, at));
  const [signature] = commands
    .filter(({ type }) => type === loadCommands.codeSignature)
    .map(({ at }) => pieceAt(view, at));
  const ends = commands.flatMap(({ type, at }) => endsOf(view, type, at));
  for (const { offset, size } of [...segments.map((segment) => segment.file), ...(signature ? [signature] : [])]) {
    if (offset + size > file.byteLength) throw new Error(`It ends at ${file.byteLength}, before ${offset + size}.`);
  }
  return { arch, commands, segments, signature, linkEditEnd: Math.max(0, ...ends) };
}

/** The segment of that name. Throws when there is none. */
export function segmentOf({ segments }: MachO, name: string): Segment {
  const segment = segments.find((each) => each.name === name);
  if (segment === undefined) throw new Error(`It has no segment ${name}.`);
  return segment;
}

/** A view of a file's bytes. */
export function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.byteLength);
}

// --- internal ---

function* commandsOf(view: DataView, count: number, bytes: number): Generator<LoadCommand> {
  let offset = headerBytes;
  for (let index = 0; index < count; index += 1) {
    const size = wordAt(view, offset + 4);
    if (size < 8 || offset + size > headerBytes + bytes) throw new Error(`Load command ${index} has ${size} bytes.`);
    yield { type: wordAt(view, offset), at: { offset, size } };
    offset += size;
  }
  if (offset !== headerBytes + bytes)
    throw new Error(`Its load commands have ${offset - headerBytes} bytes, not ${bytes}.`);
}

function segmentAt(view: DataView, at: Extent): Segment {
  if (at.size < segmentCommandBytes) throw new Error(`A segment's load command has ${at.size} bytes.`);
  const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at.offset + 8, 16));
  const file = { offset: longAt(view, at.offset + 40), size: longAt(view, at.offset + 48) };
  return { name: name.replace(/\0.*$/s, ""), at, file };
}

function pieceAt(view: DataView, at: Extent): Extent {
  if (at.size < linkEditCommandBytes) throw new Error(`A load command of __LINKEDIT has ${at.size} bytes.`);
  return { offset: wordAt(view, at.offset + 8), size: wordAt(view, at.offset + 12) };
}

/** Where what a load command names in `__LINKEDIT` ends. */
function endsOf(view: DataView, type: number, { offset, size }: Extent): readonly number[] {
  const word = (index: number): number => wordAt(view, offset + 4 * index);
  const end = (at: number, count: number, bytes: number): number => (count === 0 ? 0 : word(at) + count * bytes);
  if (pieceCommands.has(type)) return [end(2, word(3), 1)];
  if (dyldInfoCommands.has(type)) return [2, 4, 6, 8, 10].map((at) => end(at, word(at + 1), 1));
  // Symbols (`nlist_64`, 16 bytes each) and their strings.
  if (type === loadCommands.symbolTable) return [end(2, word(3), 16), end(4, word(5), 1)];
  // Of the dynamic symbol table, static linkers leave all empty but the indirect symbols, of one word each.
  if (type === loadCommands.dynamicSymbolTable && size >= 80) return [end(14, word(15), 4)];
  return [];
}

function wordAt(view: DataView, at: number): number {
  if (at + 4 > view.byteLength) throw new Error(`It ends at ${view.byteLength}, in the middle of its head.`);
  return view.getUint32(at, true);
}

function longAt(view: DataView, at: number): number {
  if (at + 8 > view.byteLength) throw new Error(`It ends at ${view.byteLength}, in the middle of its head.`);
  return Number(view.getBigUint64(at, true));
}
