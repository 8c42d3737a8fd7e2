/** Which image and architecture the words of the `qn image` commands mean. */
import { QnError } from "../../../base/errors.ts";
import { type Arch, arches } from "../../../base/words.ts";
import { isImageName } from "../../../host/image/manifest.ts";
import { ownArch } from "../../../system/platform.ts";

/** `--arch`, the same for every command about one image. */
export const archArg = {
  type: "string",
  description: "x86_64 or aarch64; this machine's by default",
  valueHint: "ARCH",
} as const;

/** The architecture of this name, this machine's without one. Throws USAGE. */
export function archNamed(name: string | undefined): Arch {
  if (name === undefined) return ownArch();
  const arch = arches.find((known) => known === name);
  if (arch === undefined) throw new QnError("USAGE", `--arch is "${name}"; it is one of ${arches.join(", ")}.`);
  return arch;
}

/** The name, when an image may have it. Throws USAGE. */
export function imageNamed(name: string): string {
  if (!isImageName(name)) throw new QnError("USAGE", `"${name}" cannot be the name of an image.`);
  return name;
}
