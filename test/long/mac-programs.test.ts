/** The programs for Macs as they are released, built here: what macOS asks of their signatures, byte by byte. */
import { expect } from "bun:test";
import { join } from "node:path";
import { machOFaults } from "../../scripts/support/mach-o/verify.ts";
import { testWithChance } from "../support/chance.ts";
import { repository, runProgram } from "../support/program.ts";

for (const arch of ["arm64", "x64"] as const) {
  testWithChance(
    `the program for darwin-${arch} is one that macOS runs, and no byte that is signed can change unseen`,
    async (chance) => {
      const bun = join(repository, "node_modules/.bin/bun");
      const built = await runProgram([bun, join(repository, "scripts/build.ts"), "--target", `darwin-${arch}`]);
      expect(built.exitCode, built.stderr).toBe(0);
      const program = await Bun.file(join(repository, `dist/qn-darwin-${arch}`)).bytes();
      expect(machOFaults(program)).toEqual([]);
      // Nothing is signed for Intel.
      if (arch === "x64") return;
      for (let round = 0; round < 5; round += 1) {
        const at = 4096 + chance.below(program.length - 2 ** 20);
        program[at] = (program[at] ?? 0) ^ 1;
        expect(machOFaults(program), `byte ${at}`).toEqual([expect.stringMatching(/^1 of \d+ pages differ/)]);
        program[at] = (program[at] ?? 0) ^ 1;
      }
    },
    600_000,
  );
}
