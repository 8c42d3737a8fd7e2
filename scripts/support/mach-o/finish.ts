/** What a program for macOS needs after Bun has made it on another system. */
import { withoutSignature } from "./unsign.ts";
import { machOFaults } from "./verify.ts";

/**
 * Bun signs for Apple Silicon, and leaves the signature of its own program in that for Intel, where it is wrong: a
 * program without one runs there, and one that another system has signed may not (Homebrew's keg.rb).
 *
 * @throws when macOS would not run the program.
 */
export async function finishMachO(path: string, arch: "arm64" | "x64"): Promise<void> {
  const built = await Bun.file(path).bytes();
  const program = arch === "x64" ? withoutSignature(built) : built;
  const faults = machOFaults(program);
  if (faults.length > 0) throw new Error(`macOS would not run ${path}:\n${faults.join("\n")}`);
  if (program !== built) await Bun.write(path, program);
}
