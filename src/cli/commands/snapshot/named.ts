/** Which VM and which snapshot the words of the `qn snapshot` commands mean. */
import { QnError } from "../../../base/errors.ts";
import type { Layout, VmPaths } from "../../../host/layout.ts";
import { vmNamed } from "../../vm-here.ts";

/** A VM and the name of a snapshot of it. */
export type NamedSnapshot = { readonly layout: Layout; readonly paths: VmPaths; readonly name: string };

/** `[vm] name`. Throws USAGE with `usage`, which is the command with its words. */
export function snapshotNamed(words: readonly string[], usage: string): NamedSnapshot {
  const [first, second, ...more] = words;
  if (first === undefined || more.length > 0) {
    throw new QnError("USAGE", first === undefined ? "No snapshot is named." : `"${more.join(" ")}" is too much.`, {
      hint: `As in \`qn ${usage}\`.`,
    });
  }
  const [vm, name] = second === undefined ? ["default", first] : [first, second];
  return { ...vmNamed(vm), name };
}
