/**
 * Whether macOS would run a program that was built elsewhere. An Apple Silicon Mac kills whatever has no signature or a
 * page that differs from it; an Intel Mac runs what has none, and kills what has a wrong one.
 */
import { type MachO, parseMachO, segmentOf } from "./parse.ts";
import { codeFlags, pageHashes, parseSignature } from "./signature.ts";

/** All that is wrong with a program for macOS, as sentences; none for one that is right. */
export function machOFaults(file: Uint8Array): readonly string[] {
  try {
    const program = parseMachO(file);
    return [...layoutFaults(program, file.byteLength), ...signatureFaults[program.arch](program, file)];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

// --- internal ---

type Check = (program: MachO, file: Uint8Array) => readonly string[];

/** What each processor's macOS asks of a signature. */
const signatureFaults: Readonly<Record<MachO["arch"], Check>> = {
  x64: ({ signature }) => (signature === undefined ? [] : ["It has a signature, which Bun leaves stale for Intel."]),
  arm64: (program, file) => (program.signature === undefined ? ["It has no signature."] : signedFaults(program, file)),
};

/** `__LINKEDIT` is last, and nothing follows it: what is behind it no signature covers, and `codesign` refuses it. */
function layoutFaults(program: MachO, bytes: number): readonly string[] {
  const { offset, size } = segmentOf(program, "__LINKEDIT").file;
  const { signature, linkEditEnd } = program;
  return [
    ...(offset + size === bytes ? [] : [`__LINKEDIT ends at ${offset + size}, the file at ${bytes}.`]),
    ...(linkEditEnd <= (signature?.offset ?? bytes) ? [] : [`What __LINKEDIT holds ends at ${linkEditEnd} only.`]),
    ...(signature === undefined || signature.offset + signature.size === bytes
      ? []
      : [`The signature ends at ${signature.offset + signature.size}, the file at ${bytes}.`]),
  ];
}

function signedFaults({ signature = { offset: 0, size: 0 } }: MachO, file: Uint8Array): readonly string[] {
  const signed = parseSignature(file, signature);
  const faults: string[] = [];
  if (signed.codeLimit !== signature.offset) {
    faults.push(`The signature covers ${signed.codeLimit} bytes, and begins at ${signature.offset}.`);
  }
  if ((signed.flags & codeFlags.adHoc) === 0) faults.push("The signature is not ad hoc.");
  if ((signed.flags & codeFlags.hardenedRuntime) !== 0) faults.push("The signature asks for the hardened runtime.");
  if (signed.otherSlots.length > 0)
    faults.push(`The signature has slots of a certificate's: ${signed.otherSlots.join()}.`);
  const pages = pageHashes(file, signed.codeLimit, signed.pageBytes);
  if (pages.length !== signed.pages.length)
    faults.push(`It has ${pages.length} pages, ${signed.pages.length} are signed.`);
  const wrong = pages.flatMap((hash, index) => (hash === signed.pages[index] ? [] : [index]));
  if (wrong.length > 0) faults.push(`${wrong.length} of ${pages.length} pages differ, the first is ${wrong[0]}.`);
  return faults;
}
