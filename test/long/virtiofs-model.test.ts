/** Files in a mount beside a model of their bytes, in any order of calls, while the server is killed again and again. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { allocateFd } from "../../src/system/kernel/file-calls.ts";
import { type Chance, testWithChance } from "../support/chance.ts";
import { plainUser } from "../support/fuse-calls.ts";
import { canMount, type FuseMount, inFuseMount } from "../support/fuse-mount.ts";
import { runProgram } from "../support/program.ts";

/** How long: `QN_TEST_MODEL_S=3600` is an hour. */
const lastsMs = Number(process.env["QN_TEST_MODEL_S"] ?? 60) * 1000;

const sizeMax = 1_500_000;
const pieceMax = 200_000;
/** FALLOC_FL_KEEP_SIZE, and with it FALLOC_FL_PUNCH_HOLE; FALLOC_FL_ZERO_RANGE. */
const [keepSize, punchHole, zeroRange] = [1, 3, 16];

/** A file that is open under a name, and what should be in it. */
type Held = { name: string; fd: number; bytes: Buffer };

/** The bytes with some of them changed, behind zeros where the file was shorter. */
function changed(bytes: Buffer, at: number, piece: Uint8Array): Buffer {
  const longer = Buffer.alloc(Math.max(bytes.length, at + piece.length));
  longer.set(bytes);
  longer.set(piece, at);
  return longer;
}

/** Does one call to the file and to the model; what was called. */
function step(chance: Chance, { at, folder }: FuseMount, file: Held, count: number): string {
  const [from, length] = [chance.below(sizeMax - pieceMax), 1 + chance.below(pieceMax)];
  const { bytes, fd } = file;
  const inside = Math.min(length, Math.max(0, bytes.length - from));
  switch (chance.below(10)) {
    case 0:
    case 1:
    case 2: {
      const piece = Buffer.alloc(length, chance.bytes(1 + chance.below(64)));
      expect(fs.writeSync(fd, piece, 0, length, from)).toBe(length);
      file.bytes = changed(bytes, from, piece);
      return `write ${from} ${length}`;
    }
    case 3: {
      fs.ftruncateSync(fd, from);
      file.bytes = from < bytes.length ? Buffer.from(bytes.subarray(0, from)) : changed(bytes, from, Buffer.alloc(0));
      return `truncate ${from}`;
    }
    case 4: {
      expect(allocateFd(fd, punchHole, from, length)).toBe(0);
      file.bytes = changed(bytes, Math.min(from, bytes.length), Buffer.alloc(inside));
      return `punch ${from} ${length}`;
    }
    case 5: {
      const isKept = chance.below(2) === 0;
      expect(allocateFd(fd, zeroRange | (isKept ? keepSize : 0), from, length)).toBe(0);
      file.bytes = changed(bytes, isKept ? Math.min(from, bytes.length) : from, Buffer.alloc(isKept ? inside : length));
      return `zero ${from} ${length} ${isKept}`;
    }
    case 6: {
      // The handle stays with its file, whatever its name is.
      const name = `moved-${count}`;
      fs.renameSync(join(at, file.name), join(at, name));
      file.name = name;
      return "rename";
    }
    case 7: {
      fs.closeSync(fd);
      expect(fs.readFileSync(join(folder, file.name)).equals(bytes)).toBe(true);
      file.fd = fs.openSync(join(at, file.name), "r+");
      return "open anew";
    }
    case 8: {
      fs.fsyncSync(fd);
      return "fsync";
    }
    default: {
      const read = Buffer.alloc(length);
      expect(fs.readSync(fd, read, 0, length, from)).toBe(inside);
      expect(read.subarray(0, inside).equals(bytes.subarray(from, from + inside))).toBe(true);
      return `read ${from} ${length}`;
    }
  }
}

async function playOn(mount: FuseMount, chance: Chance): Promise<void> {
  const files = ["one", "two", "three"].map((name): Held => {
    return { name, fd: fs.openSync(join(mount.at, name), "w+"), bytes: Buffer.alloc(0) };
  });
  const endMs = performance.now() + lastsMs;
  const story: string[] = [];
  let killed = 0;
  for (let count = 0; performance.now() < endMs; count += 1) {
    const file = chance.pick(files);
    if (chance.below(200) === 0) {
      await runProgram(["pkill", "-KILL", "-f", `${mount.place}/s.sock.* --worker`]);
      killed += 1;
    }
    try {
      story.push(`${file.name}: ${step(chance, mount, file, count)}`);
      expect(fs.fstatSync(file.fd).size).toBe(file.bytes.length);
    } catch (error) {
      throw new Error(`${story.slice(-20).join("\n")}\nthen, after ${count} calls and ${killed} kills`, {
        cause: error,
      });
    }
  }
  for (const { name, fd, bytes } of files) {
    fs.closeSync(fd);
    expect(fs.readFileSync(join(mount.folder, name)).equals(bytes)).toBe(true);
  }
  console.log(`${story.length} calls, ${killed} kills of the server`);
  expect(killed).toBeGreaterThan(0);
}

if (canMount) {
  for (const uid of [0, plainUser]) {
    testWithChance(
      `each call of ${uid === 0 ? "root" : "an ordinary user"}'s server does to a file what it says, whoever is killed`,
      (chance) => inFuseMount((mount) => playOn(mount, chance), { uid, flags: ["--lifetime-ms=100"] }),
      lastsMs + 60_000,
    );
  }
}
