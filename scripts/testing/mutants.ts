/**
 * Lines that matter most, each with what breaks it and the tests that have to see that: above all what refuses. A line
 * that is written anew takes its row along.
 */
import { linesOfGuests } from "./lines-of-guests.ts";
import { linesOfReleases } from "./lines-of-releases.ts";
import { linesOfWays } from "./lines-of-ways.ts";
import type { Mutant } from "./mutant.ts";

/** Every row of the tables. */
export function mutants(): readonly Mutant[] {
  return [...linesOfWays, ...linesOfGuests, ...linesOfReleases].flatMap(([file, tests, ...lines]) =>
    lines.map(([text, by]) => ({ file, text, by, tests })),
  );
}
