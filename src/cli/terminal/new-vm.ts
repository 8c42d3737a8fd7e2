/** Settings that are there before their VM is. */
import { nearest } from "../../base/words.ts";
import type { VmPaths } from "../../host/layout.ts";
import { vmNames } from "../../host/lifecycle/status.ts";
import { isThere } from "../../system/files.ts";
import { say, warn } from "./show.ts";
import { qnHome } from "../vm-here.ts";

/**
 * Does what may write settings of a VM that is not there yet, and then says so: a name that somebody has typed may be
 * mistyped, above all where there is a VM of nearly that name. `default` is typed by nobody.
 */
export async function tellingOfNew(paths: VmPaths | undefined, action: () => Promise<void>): Promise<void> {
  const others = paths === undefined || (await isThere(paths.folder)) ? undefined : await vmNames(qnHome());
  await action();
  if (paths === undefined || others === undefined || !(await isThere(paths.folder))) return;
  const { name } = paths;
  const near = nearest(name, others);
  const made = `The VM "${name}" is not there yet: \`qn up ${name}\` makes it like this`;
  if (near !== undefined) warn(`${made}. Did you mean "${near}"? \`qn delete ${name}\` takes this back.`);
  else if (name !== "default") say(`  ${made}, \`qn delete ${name}\` takes it back.`);
}
