/** Takes the code signature out of a program of macOS. */
import { headerBytes, loadCommands, parseMachO, segmentOf, viewOf } from "./parse.ts";

/**
 * The program without its signature, as `codesign --remove-signature` leaves it: no LC_CODE_SIGNATURE, and `__LINKEDIT`
 * and the file end where its strings do, so that `codesign` can sign it anew. A program without one is given back as it
 * is. Throws when it is no program, or when anything else lies behind the signature.
 */
export function withoutSignature(file: Uint8Array): Uint8Array {
  const program = parseMachO(file);
  const { signature, commands, linkEditEnd } = program;
  if (signature === undefined) return file;
  const linkEdit = segmentOf(program, "__LINKEDIT");
  if (signature.offset + signature.size !== file.byteLength) throw new Error("Something lies behind its signature.");
  if (linkEditEnd < linkEdit.file.offset || linkEditEnd > signature.offset) {
    throw new Error(`What __LINKEDIT holds ends at ${linkEditEnd}, outside of it.`);
  }
  const result = file.slice(0, linkEditEnd);
  const view = viewOf(result);
  const commandBytes = view.getUint32(20, true);
  const gone = commands.find(({ type }) => type === loadCommands.codeSignature)?.at ?? { offset: 0, size: 0 };
  const end = headerBytes + commandBytes;
  result.copyWithin(gone.offset, gone.offset + gone.size, end);
  result.fill(0, end - gone.size, end);
  view.setUint32(16, commands.length - 1, true);
  view.setUint32(20, commandBytes - gone.size, true);
  const at = linkEdit.at.offset > gone.offset ? linkEdit.at.offset - gone.size : linkEdit.at.offset;
  const size = linkEditEnd - linkEdit.file.offset;
  // What is mapped is a whole number of pages.
  view.setBigUint64(at + 32, BigInt(Math.ceil(size / pageBytes) * pageBytes), true);
  view.setBigUint64(at + 48, BigInt(size), true);
  return result;
}

// --- internal ---

/** A page of Intel's macOS. */
const pageBytes = 4096;
