/** What a compiled qn has that the Bun inside it has not: its header, and all from just before that Bun's end. */

/**
 * What a guest keeps of the qn that it has: the bytes from `head` to `keep`, which are Bun's, and the BLAKE2b sum of the
 * first and the last `edge` of them in hexadecimal digits, which two Buns do not have in common. Nothing is kept when
 * `keep` is 0.
 */
export type Kept = { readonly keep: number; readonly head: number; readonly edge: number; readonly hash: string };

/** As much of the beginning as is always sent: a compiled program's header names its size. */
export const headBytes = 65_536;

/** As much of the template's end as is always sent: from somewhere in it on, programs differ (90 KB with Bun 1.4.5). */
export const endBytes = 1_048_576;

/** As much as is looked at to know a Bun again: where one differs, addresses do, and so all that has some in it. */
export const edgeBytes = 8_388_608;

/** To keep nothing. */
export const nothingKept: Kept = { keep: 0, head: headBytes, edge: edgeBytes, hash: "" };

/** What programs that are made from `template` have in common; known before they are made. */
export function keptOf(template: Uint8Array): Kept {
  const keep = template.length - endBytes;
  if (keep < headBytes + edgeBytes) return nothingKept;
  const edges = [template.subarray(headBytes, headBytes + edgeBytes), template.subarray(keep - edgeBytes, keep)];
  const hash = new Bun.CryptoHasher("blake2b512").update(Buffer.concat(edges)).digest("hex");
  return { ...nothingKept, keep, hash };
}

/** What is sent of `program`: all but what is kept. Throws when it has not in common what is. */
export function patchOf(template: Uint8Array, program: Uint8Array, { keep, head }: Kept): Uint8Array {
  if (keep === 0) return program;
  if (Buffer.compare(template.subarray(head, keep), program.subarray(head, keep)) !== 0) {
    throw new Error("What was built has another Bun inside than the one that it was built with.");
  }
  const bytes = new Uint8Array(head + program.length - keep);
  bytes.set(program.subarray(0, head));
  bytes.set(program.subarray(keep), head);
  return bytes;
}
