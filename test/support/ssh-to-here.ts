/** A program called ssh that runs the command here, in a folder of its own: all of a copy but the way to a guest. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copy } from "../../src/host/cp/copy.ts";
import { parseDirection } from "../../src/host/cp/operand.ts";
import { layoutOf } from "../../src/host/layout.ts";

/** This machine's side and the guest's, two folders beside each other, until disposed of. */
export type TwoSides = AsyncDisposable & {
  readonly host: string;
  readonly guest: string;
  /** The VM's folder, in which copies are unpacked. */
  readonly own: string;
  /** What was told of progress. */
  readonly told: (readonly [number, number | undefined])[];
  onProgress: (bytes: number) => void;
  /** Copies as `qn cp` does; a path of the guest is below its home folder, `guest`. */
  cp(source: string, destination: string, signal?: AbortSignal): Promise<void>;
};

/** Puts the program before ssh in PATH. `script` is what it does before it runs the command. */
export async function twoSides(script = ""): Promise<TwoSides> {
  const folder = await mkdtemp("/tmp/qn-sides-");
  const [host, guest, tools] = ["host", "guest", "tools"].map((name) => join(folder, name)) as [string, string, string];
  await Promise.all([host, guest, tools].map((path) => mkdir(path)));
  const paths = layoutOf(folder).vm("default");
  await mkdir(paths.folder);
  const program = join(tools, "ssh");
  await writeFile(
    program,
    `#!/bin/sh\nfor last; do :; done\ncd '${guest}' && HOME='${guest}'\nexport HOME\n${script}\nexec sh -c "$last"\n`,
  );
  await chmod(program, 0o755);
  const path = process.env["PATH"];
  process.env["PATH"] = `${tools}:${path}`;
  const told: [number, number | undefined][] = [];
  const sides: TwoSides = {
    host,
    guest,
    own: paths.folder,
    told,
    onProgress: () => {},
    async cp(source, destination, signal = new AbortController().signal) {
      const inHost = (written: string): string => (written.startsWith(":") ? written : `${host}/${written}`);
      const direction = parseDirection(inHost(source), inHost(destination));
      const onProgress = (bytes: number, total: number | undefined): void => {
        told.push([bytes, total]);
        sides.onProgress(bytes);
      };
      await copy({ ...direction, paths, signal, onProgress });
    },
    async [Symbol.asyncDispose]() {
      process.env["PATH"] = path;
      await rm(folder, { recursive: true, force: true });
    },
  };
  return sides;
}
