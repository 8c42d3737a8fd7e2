/** The kernel's table of mounts, as it writes it. */
import { expect, test } from "bun:test";
import { mountsIn } from "../../../src/system/mount-table.ts";

// Bun writes what is not ASCII as an escape in a raw text.
const umlaut = "ü";

test("each mount is read with what it shows, where, and as what, however many fields a line has", () => {
  const text = String.raw`22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
45 22 0:41 / /home/ann\040o'hara rw,relatime shared:20 master:3 - 9p qn0 rw,access=client,cache=mmap,trans=virtio
46 22 0:42 /sub /a\134b\011c\012d\043e/${umlaut} ro - tmpfs a\040tag rw
`;
  expect(mountsIn(text)).toEqual([
    { source: "/dev/sda1", target: "/", type: "ext4", device: "8:1", options: "rw,errors=remount-ro" },
    {
      source: "qn0",
      target: "/home/ann o'hara",
      type: "9p",
      device: "0:41",
      options: "rw,access=client,cache=mmap,trans=virtio",
    },
    { source: "a tag", target: "/a\\b\tc\nd#e/ü", type: "tmpfs", device: "0:42", options: "rw" },
  ]);
});

test("what is no line of the table is left out", () => {
  expect(mountsIn("")).toEqual([]);
  expect(mountsIn("\n22 1 8:1 / /half rw\n")).toEqual([]);
});
