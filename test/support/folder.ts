/** A folder for one test, outside of /tmp, which every VM shares as a whole, and outside of QN_HOME. */
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { join } from "node:path";

/** A new folder that goes away with the test. */
export async function newFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(await realpath("/var/tmp"), "qn-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
