/** Gives parsers what chance makes of good messages, for a while; what once broke one is tried first. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Chance, testWithChance } from "./chance.ts";
import { fuzzTargets } from "./fuzz-targets.ts";

const corpus = join(import.meta.dir, "../fixtures/fuzz");

/** How long one try may take: no parser goes over its bytes again and again. */
const tryMs = 250;

/** A test for each parser, of `forMs` each. A failure shows the bytes, to be kept in the corpus. */
export function fuzzTests(forMs: number): void {
  for (const [name, { seeds, take }] of Object.entries(fuzzTargets)) {
    const sentence = `${name}: whatever comes is read or refused, for ${forMs / 1000} s`;
    testWithChance(
      sentence,
      async (chance) => {
        const timed = (bytes: Uint8Array): number => {
          const begin = performance.now();
          try {
            take(bytes, chance);
          } catch (cause) {
            throw new Error(`${name} breaks on ${Buffer.from(bytes).toString("hex")}`, { cause });
          }
          return performance.now() - begin;
        };
        const tryOnce = (bytes: Uint8Array): void => {
          // A busy machine may hold up one try, and the same one not three times in a row.
          if ([1, 2, 3].every(() => timed(bytes) > tryMs)) {
            throw new Error(`${name} is slow on ${Buffer.from(bytes).toString("hex")}`);
          }
        };
        for (const bytes of [...(await kept(name)), ...seeds]) tryOnce(bytes);
        const end = performance.now() + forMs;
        while (performance.now() < end) tryOnce(changed(chance.pick(seeds), chance));
      },
      forMs + 20_000,
    );
  }
}

// --- internal ---

/** What has broken this parser before. */
async function kept(name: string): Promise<Uint8Array[]> {
  const names = await readdir(join(corpus, name)).catch(() => []);
  return await Promise.all(names.map((file) => readFile(join(corpus, name, file))));
}

/** Words that parsers of text stumble over. */
const words = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ",",
  ":",
  "\\",
  "\n",
  "null",
  "-1",
  "1e999",
  "0x",
  "__proto__",
  "\\ud800",
  "%2f",
  "%",
  "..",
  "/",
].map((word) => Buffer.from(word));

/** A seed that chance has changed a few times. */
function changed(seed: Uint8Array, chance: Chance): Uint8Array {
  let bytes = Buffer.from(seed);
  for (let times = 1 + chance.below(4); times > 0; times -= 1) {
    const at = chance.below(bytes.length + 1);
    const from = chance.below(bytes.length + 1);
    const ways = [
      () => (bytes.length === 0 ? bytes : chance.spoil(bytes)),
      () => bytes.subarray(0, at),
      () => Buffer.concat([bytes.subarray(0, at), chance.bytes(1 + chance.below(8)), bytes.subarray(at)]),
      () => Buffer.concat([bytes.subarray(0, at), chance.pick(words), bytes.subarray(at)]),
      () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(from)]),
      () => Buffer.concat([bytes, chance.pick(words), bytes]).subarray(0, 65_536),
    ];
    bytes = Buffer.from(chance.pick(ways)());
  }
  return bytes;
}
