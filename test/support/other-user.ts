/** This tree's qn as another user of this machine, who may not be let into the tree, or to where it lies. For root. */
import { join, relative } from "node:path";
import { repository } from "./program.ts";

/** Where such a user's process sees a copy of the sources, and the tree's own libraries; nobody else does. */
const seenByAll = "/mnt";

/** The words that start qn from its sources as this user; more of qn's follow. */
export function qnAsUser(uid: number, entry?: string): readonly string[] {
  const show = [
    'cd "$0"',
    `mount -t tmpfs -o mode=755 tmpfs ${seenByAll}`,
    `cp -r --parents src guest test/support/inside package.json ${seenByAll}`,
    `chmod -R a+rX ${seenByAll}`,
    `mkdir ${seenByAll}/node_modules`,
    `mount --bind node_modules ${seenByAll}/node_modules`,
    "cd /",
    'exec "$@"',
  ].join(" && ");
  const asUser = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  return ["unshare", "--mount", "sh", "-c", show, repository, ...asUser, ...qnIn(seenByAll, entry)];
}

/** The words that start the qn whose sources are in this folder, by its usual entry or another one. */
export function qnIn(tree: string, entry = "src/main.ts"): readonly string[] {
  const runtime = relative(repository, process.execPath);
  return [runtime.startsWith("..") ? process.execPath : join(tree, runtime), join(tree, entry)];
}
