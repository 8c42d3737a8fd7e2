/** More files than the server of a mount may open, asked for by this kernel's own FUSE, which remembers all of them. */
import { expect, test } from "bun:test";
import { closeSync, fstatSync, openSync, readdirSync, readSync, renameSync, statSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canMount, inFuseMount } from "../../../support/fuse-mount.ts";
import { runProgram } from "../../../support/program.ts";

const folders = Array.from({ length: 20 }, (_, index) => `${index}`);
const files = Array.from({ length: 100 }, (_, index) => `file${index}`);

/** What a file says, and which it is, of one open file. */
function readOpen(path: string): readonly [inode: number, text: string] {
  const fd = openSync(path, "r");
  const bytes = Buffer.alloc(64);
  try {
    return [fstatSync(fd).ino, bytes.toString("utf8", 0, readSync(fd, bytes))];
  } finally {
    closeSync(fd);
  }
}

test.skipIf(!canMount)(
  "2,000 files are known to a server that may open 1,024, and none answers for another",
  () =>
    inFuseMount(
      async ({ at, folder, place }) => {
        // By inode: what is in a file is what its first name was.
        const texts = new Map<number, string>();
        for (const each of folders) {
          await mkdir(join(folder, each));
          for (const file of files) {
            const path = join(folder, each, file);
            await writeFile(path, `${each}/${file}`);
            texts.set(statSync(path).ino, `${each}/${file}`);
          }
        }
        const readAll = (): number => {
          let count = 0;
          for (const each of readdirSync(at)) {
            for (const file of readdirSync(join(at, each))) {
              const [inode, text] = readOpen(join(at, each, file));
              if (texts.get(inode) !== text)
                throw new Error(`${each}/${file} says ${text}, and is ${texts.get(inode)}`);
              if (inode === statSync(join(folder, each, file)).ino) count += 1;
            }
          }
          return count;
        };
        const held = files.slice(0, 50).map((file) => openSync(join(at, "0", file), "r"));
        expect(readAll()).toBe(2000);
        // The guest believes what it knows for a minute: names that lead elsewhere now, folders too.
        for (const file of files.slice(0, 50)) {
          renameSync(join(folder, "1", file), join(folder, "spare"));
          renameSync(join(folder, "2", file), join(folder, "1", file));
          renameSync(join(folder, "spare"), join(folder, "2", file));
        }
        renameSync(join(folder, "3"), join(folder, "spare"));
        renameSync(join(folder, "4"), join(folder, "3"));
        renameSync(join(folder, "spare"), join(folder, "4"));
        for (const file of files.slice(50)) renameSync(join(folder, "0", file), join(folder, "5", file));
        readAll();
        for (const [index, fd] of held.entries()) {
          const bytes = Buffer.alloc(64);
          expect(bytes.toString("utf8", 0, readSync(fd, bytes, 0, 64, 0))).toBe(`0/file${index}`);
          closeSync(fd);
        }
        const { stdout } = await runProgram(["pgrep", "-f", `${place}/s.sock.* --worker`]);
        expect((await readdir(`/proc/${Number(stdout)}/fd`)).length).toBeLessThan(600);
      },
      { flags: ["--lifetime-ms=60000"] },
    ),
  120_000,
);
