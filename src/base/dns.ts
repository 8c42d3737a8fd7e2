/** DNS messages (RFC 1035) as far as qn reads and writes them: one question, and answers made of addresses. */

/** Record types and response codes that qn knows (RFC 1035, RFC 3596). */
export const recordType = { a: 1, aaaa: 28 } as const;
export const responseCode = { none: 0, serverFailure: 2, notImplemented: 4, refused: 5 } as const;

/** What a message asks. `name` is in lower case without its last dot; `end` is where the question ends. */
export type Question = { readonly name: string; readonly type: number; readonly end: number };

/**
 * The question of a message, or nothing when it is not an ordinary question: an answer, another operation, several
 * questions at once, or cut off.
 */
export function questionOf(message: Uint8Array): Question | undefined {
  if (message.length < headerBytes) return undefined;
  const isQuestion = (byteAt(message, 2) & 0xf8) === 0;
  if (!isQuestion || wordAt(message, 4) !== 1) return undefined;
  return questionIn(message);
}

/** True when `answer` answers exactly what `message` asks: the same number and, letter by letter, the same question. */
export function answersTo(message: Uint8Array, answer: Uint8Array): boolean {
  const end = questionIn(message)?.end ?? 0;
  if (end === 0 || answer.length < end || (byteAt(answer, 2) & 0x80) === 0) return false;
  const isSame = (from: number, to: number): boolean =>
    Buffer.compare(message.subarray(from, to), answer.subarray(from, to)) === 0;
  return isSame(0, 2) && isSame(headerBytes, end);
}

/** The number that joins an answer to its question. */
export function idOf(message: Uint8Array): number {
  return wordAt(message, 0);
}

/** The same message under another number. */
export function withId(message: Uint8Array, id: number): Uint8Array {
  const copy = Uint8Array.from(message);
  copy[0] = id >> 8;
  copy[1] = id & 0xff;
  return copy;
}

/** How an answer turned out: one of `responseCode`, or another number of RFC 6895. */
export function codeOf(answer: Uint8Array): number {
  return byteAt(answer, 3) & 0x0f;
}

/** True for an answer that was cut to fit into a datagram: all of it is to be had over TCP. */
export function isCut(answer: Uint8Array): boolean {
  return (byteAt(answer, 2) & 0x02) !== 0;
}

/**
 * The same answer as a datagram of at most `bytesMax`: one that is longer is reduced to its question and marked as cut.
 */
export function cutTo(answer: Uint8Array, bytesMax: number): Uint8Array {
  if (answer.length <= bytesMax) return answer;
  return emptyAnswer(answer, codeOf(answer), cutFlag);
}

/**
 * The longest datagram in bytes that whoever asks can take: what its OPT record says (RFC 6891), at least the 512 that
 * everybody can, at most 4096 as servers have it.
 */
export function datagramBytesMax(message: Uint8Array): number {
  const end = questionIn(message)?.end;
  const hasOption = end !== undefined && byteAt(message, end) === 0 && wordAt(message, end + 1) === optionType;
  return hasOption ? Math.min(4096, Math.max(512, wordAt(message, end + 3))) : 512;
}

/**
 * The answer with those of `addresses` that are of the asked family; none means that the name is known but has no such
 * record. `ttlS` is how long, in seconds, whoever asks may remember it.
 */
export function addressAnswer(message: Uint8Array, addresses: readonly string[], ttlS: number): Uint8Array {
  const type = questionIn(message)?.type;
  const encoded =
    type === recordType.a ? addresses.flatMap(ipv4) : type === recordType.aaaa ? addresses.flatMap(ipv6) : [];
  const head = emptyAnswer(message, responseCode.none);
  head[7] = encoded.length;
  const records = encoded.map((address) => {
    const record = Buffer.alloc(12 + address.length);
    // The question's name, as a pointer to it (RFC 1035, 4.1.4).
    record.writeUInt16BE(0xc000 | headerBytes, 0);
    record.writeUInt16BE(type ?? 0, 2);
    record.writeUInt16BE(internetClass, 4);
    record.writeUInt32BE(ttlS, 6);
    record.writeUInt16BE(address.length, 10);
    record.set(address, 12);
    return record;
  });
  return Buffer.concat([head, ...records]);
}

/** The answer that says why there is none. */
export function failure(message: Uint8Array, code: number): Uint8Array {
  return emptyAnswer(message, code);
}

// --- internal ---

const headerBytes = 12;
const optionType = 41;
const internetClass = 1;
const cutFlag = 0x02;

function byteAt(message: Uint8Array, offset: number): number {
  return message[offset] ?? 0;
}

function wordAt(message: Uint8Array, offset: number): number {
  return (byteAt(message, offset) << 8) | byteAt(message, offset + 1);
}

/** Reads labels until the empty one. A question's name is never compressed: there is nothing before it to point at. */
function questionIn(message: Uint8Array): Question | undefined {
  const labels: string[] = [];
  let offset = headerBytes;
  for (;;) {
    const length = message[offset];
    if (length === undefined || length > 63 || offset - headerBytes > 255) return undefined;
    offset += 1;
    if (length === 0) break;
    labels.push(Buffer.from(message.subarray(offset, offset + length)).toString("latin1"));
    offset += length;
  }
  if (offset + 4 > message.length) return undefined;
  return { name: labels.join(".").toLowerCase(), type: wordAt(message, offset), end: offset + 4 };
}

/** A header and the question, nothing behind it. Recursion is as asked, and available. */
function emptyAnswer(message: Uint8Array, code: number, flags = 0): Uint8Array {
  const end = questionIn(message)?.end;
  const answer = Uint8Array.from(message.subarray(0, end ?? headerBytes));
  answer.fill(0, 2, headerBytes);
  answer[2] = 0x80 | (byteAt(message, 2) & 0x01) | flags;
  answer[3] = 0x80 | code;
  answer[5] = end === undefined ? 0 : 1;
  return answer;
}

function ipv4(address: string): Uint8Array[] {
  const parts = address.split(".").map(Number);
  return parts.length === 4 && parts.every((part) => part >= 0 && part <= 255) ? [Uint8Array.from(parts)] : [];
}

/** The 16 bytes of an IPv6 address; the URL parser knows every way to write one (RFC 4291, 2.2). */
function ipv6(address: string): Uint8Array[] {
  if (!address.includes(":") || !URL.canParse(`http://[${address}]`)) return [];
  const [before = "", after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const [left, right] = [words(before), words(after ?? "")];
  const zeros = after === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => 0);
  const bytes = [...left, ...zeros, ...right].flatMap((word) => [word >> 8, word & 0xff]);
  return bytes.length === 16 ? [Uint8Array.from(bytes)] : [];
}

function words(text: string): number[] {
  return text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));
}
