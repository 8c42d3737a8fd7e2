/** What a compiled qn has that the Bun inside it has not: its header, and all from where the two begin to differ. */

/** A program as a change of another file: the first `head` of `bytes`, then its own bytes from `keep` on. */
export type Patch = { readonly keep: number; readonly head: number; readonly bytes: Uint8Array };

/** As much of the beginning as is always sent: a compiled program's header names its size. */
export const headBytes = 65_536;

/** How `program` differs from `template`, which is the beginning of what somebody else has. */
export function patchOf(template: Uint8Array, program: Uint8Array): Patch {
  let keep = headBytes;
  const end = Math.min(template.length, program.length);
  while (keep < end && template[keep] === program[keep]) keep += 1;
  if (keep >= program.length) return { keep: 0, head: headBytes, bytes: program };
  const bytes = new Uint8Array(headBytes + program.length - keep);
  bytes.set(program.subarray(0, headBytes));
  bytes.set(program.subarray(keep), headBytes);
  return { keep, head: headBytes, bytes };
}
