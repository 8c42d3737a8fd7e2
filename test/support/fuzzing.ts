/** Gives parsers what chance makes of good messages, for a while; what once broke one is tried first. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { testWithChance } from "./chance.ts";
import { changed, fuzzTargets } from "./fuzz-targets.ts";

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
