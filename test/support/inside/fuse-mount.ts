/**
 * A folder, served by qn and mounted on this very machine: `bun fuse-mount.ts FOLDER SOCKET TARGET UID SYSTEM FILES
 * [FLAG…]`, by a server of Linux' or as on a Mac (SYSTEM is `linux` or `darwin`), that may open FILES files. The
 * kernel's own FUSE asks at /dev/fuse, as it asks virtiofs in a guest, and each request goes through the rings to the
 * server, which runs as user UID. Says "mounted", and ends when the mount does. For root.
 *
 * Who looks up the name `hold-getattr` in the mount, or one with another request's name, has the next answer to such a
 * request come late: once somebody looks up `release`. Who looks up `held` waits until it is held.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { mount } from "../../../src/system/kernel/libc.ts";
import { op } from "../fuse-calls.ts";
import { VhostGuest } from "../vhost-guest.ts";

const MAX_PAGES = 1 << 22;
/** What one request may carry here: the rings' buffers have 16 KiB. */
const dataBytes = 8192;

const [folder = "", socket = "", target = "", uid = "", system = "", files = "", ...flags] = process.argv.slice(2);
const isMac = system === "darwin";
const guest = await VhostGuest.start(folder, socket, { uid: Number(uid), isMac, flags, openFilesMax: Number(files) });
const device = openSync("/dev/fuse", "r+");
const who = "rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other";
mount("qn", target, "fuse", `fd=${device},${who},max_read=${dataBytes}`);
// At once: nothing else gets a turn from here on.
writeSync(1, "mounted\n");
const request = Buffer.alloc(dataBytes + 4096);
const late: { wanted: number | undefined; answer: Buffer | undefined; readonly waiting: Buffer[] } = {
  wanted: undefined,
  answer: undefined,
  waiting: [],
};
try {
  for (;;) {
    const length = readSync(device, request);
    const answer = guest.forward(request.subarray(0, length));
    if (answer === undefined) continue;
    if (request.readUInt32LE(4) === op.init) {
      answer.writeUInt32LE(dataBytes, 16 + 20);
      answer.writeUInt32LE((answer.readUInt32LE(16 + 12) & ~MAX_PAGES) >>> 0, 16 + 12);
    }
    takeTurns(answer);
  }
} catch (error) {
  if (!(error instanceof Error && "code" in error && error.code === "ENODEV")) throw error;
} finally {
  closeSync(device);
  guest.hangUp();
}

/** Gives the answer to the request at hand, and those before it whose time has come. */
function takeTurns(answer: Buffer): void {
  const kind = request.readUInt32LE(4);
  const name = kind === op.lookup ? request.toString("utf8", 40, request.indexOf(0, 40)) : "";
  if (kind === late.wanted) {
    late.wanted = undefined;
    late.answer = answer;
    for (const each of late.waiting.splice(0)) writeAnswer(each);
  } else if (name === "held" && late.answer === undefined) {
    late.waiting.push(answer);
  } else {
    for (const [word, number] of Object.entries(op)) if (name === `hold-${word}`) late.wanted = number;
    if (name === "release" && late.answer !== undefined) writeAnswer(late.answer);
    if (name === "release") late.answer = undefined;
    writeAnswer(answer);
  }
}

/** ENOENT: whoever asked has been interrupted. */
function writeAnswer(answer: Buffer): void {
  try {
    writeSync(device, answer);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
