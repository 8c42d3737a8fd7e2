/** One action on the snapshots or the data of the VM `default` of a QN_HOME, in a process of its own that a test can kill. */
import { exportVm } from "../../src/host/snapshot/archive/export.ts";
import { importVm } from "../../src/host/snapshot/archive/import.ts";
import { layoutOf } from "../../src/host/layout.ts";
import { whileStopped } from "../../src/host/lifecycle/while-stopped.ts";
import { createSnapshot } from "../../src/host/snapshot/create.ts";
import { removeSnapshot, restoreSnapshot } from "../../src/host/snapshot/restore.ts";

/** What it can be told to do. */
export type SnapshotAction = "create" | "restore" | "rm" | "export" | "import";

const [home = "", action = "", name = ""] = process.argv.slice(2);
const layout = layoutOf(home);
const paths = layout.vm("default");
const { signal } = new AbortController();
const actions: Readonly<Record<SnapshotAction, () => Promise<unknown>>> = {
  create: () => createSnapshot(paths, name, Date.now()),
  restore: () => restoreSnapshot(paths, name),
  rm: () => removeSnapshot(paths, name),
  export: () => exportVm(paths, name, { arch: "x86_64", qn: "0", madeAtMs: 0 }, signal),
  import: () => importVm(layout, layout.vm("web"), name, signal),
};
process.stdout.write("begins\n");
const [, act] = Object.entries(actions).find(([word]) => word === action) ?? [];
await whileStopped(paths, process.env, async () => await act?.());
process.stdout.write("done\n");
