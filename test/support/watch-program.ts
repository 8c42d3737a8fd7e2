/** A program for containers that tells the inotify events of the paths it is given; busybox has none in Debian. */
import { elfProgram } from "./elf.ts";

/** What an event says (inotify(7)), as far as the program asks for it. */
const eventNames: readonly (readonly [number, string])[] = [
  [0x2, "MODIFY"],
  [0x4, "ATTRIB"],
  [0x8, "CLOSE_WRITE"],
  [0x40, "MOVED_FROM"],
  [0x80, "MOVED_TO"],
  [0x100, "CREATE"],
  [0x200, "DELETE"],
  [0x400, "DELETE_SELF"],
  [0x800, "MOVE_SELF"],
  [0x8000, "IGNORED"],
];

/**
 * For x86_64: inotify_init1(0); inotify_add_watch(fd, each argument, 0xfce); write 16 zeroes, an empty event that says
 * that it watches; then read and write without end.
 */
const code = Buffer.from(
  [
    "b82601000031ff0f0589c34c8d642410498b34244885f67414b8fe000000",
    "89dfbace0f00000f054983c408ebe34881ec001000004889e631c0488906",
    "48894608ba10000000b80100000089c70f0531c089dfba001000000f0589c2ebe8",
  ].join(""),
  "hex",
);

/** The program. */
export function watchProgram(): Uint8Array {
  return elfProgram("x86_64", code);
}

/** The program's output as lines such as "1 MODIFY file": which argument, what, and the name within it. */
export function watchedEvents(output: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at + 16 <= output.length;) {
    const mask = output.readUInt32LE(at + 4);
    const length = output.readUInt32LE(at + 12);
    const name = output.toString("utf8", at + 16, at + 16 + length).replaceAll("\0", "");
    const what = eventNames.filter(([bit]) => (mask & bit) !== 0).map(([, word]) => word);
    if (mask !== 0) lines.push([output.readInt32LE(at), ...what, name].join(" ").trim());
    at += 16 + length;
  }
  return lines;
}
