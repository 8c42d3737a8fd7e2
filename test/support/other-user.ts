/** This tree's qn as another user of this machine, who may not be let into the folder that the tree lies in. For root. */
import { join, relative } from "node:path";
import { repository } from "./program.ts";

/** Where such a user's process sees the tree, and nobody else does. */
const seenByAll = "/mnt";

/** The words that start qn from its sources as this user; more of qn's follow. */
export function qnAsUser(uid: number): readonly string[] {
  const show = `mount --bind "$0" ${seenByAll} && cd / && exec "$@"`;
  const asUser = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  return ["unshare", "--mount", "sh", "-c", show, repository, ...asUser, ...qnIn(seenByAll)];
}

/** The words that start the qn whose sources are in this folder. */
export function qnIn(tree: string): readonly string[] {
  const runtime = relative(repository, process.execPath);
  return [runtime.startsWith("..") ? process.execPath : join(tree, runtime), join(tree, "src/main.ts")];
}
