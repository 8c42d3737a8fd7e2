/**
 * A folder, served by qn and mounted on this very machine: `bun fuse-mount.ts FOLDER SOCKET TARGET UID [FLAG…]`. The
 * kernel's own FUSE asks at /dev/fuse, as it asks virtiofs in a guest, and each request goes through the rings to the
 * server, which runs as user UID. Says "mounted", and ends when the mount does. For root.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { mount } from "../../../src/system/kernel/libc.ts";
import { VhostGuest } from "../vhost-guest.ts";

const INIT = 26;
const MAX_PAGES = 1 << 22;
/** What one request may carry here: the rings' buffers have 16 KiB. */
const dataBytes = 8192;

const [folder = "", socket = "", target = "", uid = "", ...flags] = process.argv.slice(2);
const guest = await VhostGuest.start(folder, socket, { uid: Number(uid), flags });
const device = openSync("/dev/fuse", "r+");
const who = "rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other";
mount("qn", target, "fuse", `fd=${device},${who},max_read=${dataBytes}`);
// At once: nothing else gets a turn from here on.
writeSync(1, "mounted\n");
const request = Buffer.alloc(dataBytes + 4096);
try {
  for (;;) {
    const length = readSync(device, request);
    const answer = guest.forward(request.subarray(0, length));
    if (answer === undefined) continue;
    if (request.readUInt32LE(4) === INIT) {
      answer.writeUInt32LE(dataBytes, 16 + 20);
      answer.writeUInt32LE((answer.readUInt32LE(16 + 12) & ~MAX_PAGES) >>> 0, 16 + 12);
    }
    writeAnswer(answer);
  }
} catch (error) {
  if (!(error instanceof Error && "code" in error && error.code === "ENODEV")) throw error;
} finally {
  closeSync(device);
  guest.hangUp();
}

/** ENOENT: whoever asked has been interrupted. */
function writeAnswer(answer: Buffer): void {
  try {
    writeSync(device, answer);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
