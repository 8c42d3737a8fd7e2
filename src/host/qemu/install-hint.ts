/** How this very system installs QEMU: the line of the program for packages that is here. */
import type { Arch } from "../../base/words.ts";
import { findProgram } from "../../system/process.ts";
import { installHint } from "./packages.ts";

/** As `installHint`, by what is in the PATH of this environment. */
export function ownInstallHint(arch: Arch, env: Readonly<Record<string, string | undefined>>): string {
  return installHint(arch, (program) => findProgram(program, env["PATH"]) !== undefined);
}
