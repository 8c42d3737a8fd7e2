/** What the agent does with disks, whatever is on them: on tools that only say what they were asked for. */
import { expect, test } from "bun:test";
import { Disks } from "../../../../src/agent/files/disks.ts";
import type { DiskTools } from "../../../../src/agent/files/disk-tools.ts";
import type { Ext4 } from "../../../../src/agent/files/ext4.ts";

const GiB = 1024 ** 3;

/** A disk: what libblkid knows of it, its file system if any, and whether that can be mounted. */
type FakeDisk = {
  signatures?: string[];
  ext4?: Ext4;
  isBroken?: boolean;
  isMounted?: boolean;
  deviceBytes?: number;
  isStuck?: boolean;
};

/** Tools on such a disk, which write down what they were asked to change. */
function scene(disk: FakeDisk) {
  const done: string[] = [];
  let { ext4, isBroken = false, isMounted = false } = disk;
  const { signatures = [], deviceBytes = GiB, isStuck = false } = disk;
  const tools: DiskTools = {
    find: async (name) => `/dev/${name}`,
    signatures: async () => signatures,
    superblock: async () => ext4,
    async format(_device, name) {
      done.push(`format ${name}`);
      ext4 = { sizeBytes: deviceBytes, label: name, isUsed: false };
      isBroken = false;
    },
    isMounted: () => isMounted,
    async mount(device, folder) {
      if (isBroken) throw new Error("mount: wrong fs type, bad superblock");
      isMounted = true;
      done.push(`mount ${device} ${folder}`);
    },
    async size() {
      if (isStuck) throw new Error("the guest's kernel sees no larger disk");
      return deviceBytes;
    },
    async fill(device) {
      done.push(`fill ${device}`);
      ext4 = { sizeBytes: deviceBytes, label: ext4?.label ?? "", isUsed: true };
    },
  };
  const troubles: string[] = [];
  return { disks: new Disks([{ name: "db" }], (text) => troubles.push(text), tools), done, troubles };
}

const used: Ext4 = { sizeBytes: GiB, label: "db", isUsed: true };
const fresh: Ext4 = { ...used, isUsed: false };
const wanted = [{ name: "db", sizeBytes: GiB }];

test("a blank disk is made a file system once, and one that has its own is only mounted", async () => {
  const blank = scene({});
  await blank.disks.mountAll();
  await blank.disks.mountAll();
  expect(blank.done).toEqual(["format db", "mount /dev/db /var/lib/qn-disks/db"]);
  const known = scene({ signatures: ["ext4"], ext4: used });
  await known.disks.mountAll();
  expect(known.done).toEqual(["mount /dev/db /var/lib/qn-disks/db"]);
  expect([blank.troubles, known.troubles, await known.disks.fillAll(wanted)]).toEqual([[], [], wanted]);
});

test("a disk with anything else on it is never formatted, and the host hears of what it holds", async () => {
  const foreign: FakeDisk[] = [
    { signatures: ["xfs"] },
    { signatures: ["gpt", "PMBR"] },
    { signatures: ["LVM2_member"] },
    // An ext4 in which somebody has made a partition table, or the other way round.
    { signatures: ["ext4", "dos"], ext4: fresh },
    { signatures: ["ext4"] },
  ];
  for (const disk of foreign) {
    const { disks, done, troubles } = scene(disk);
    await disks.mountAll();
    const words = `it holds ${disk.signatures?.join(", ")} and not ext4 alone: it is left as it is`;
    expect([done, troubles]).toEqual([[], [`the disk "db": ${words}`]]);
    expect(await disks.fillAll(wanted)).toEqual([{ name: "db", error: words }]);
  }
});

test("only a file system of qn's that was never mounted, and cannot be, is made anew", async () => {
  const ended = scene({ signatures: ["ext4"], ext4: fresh, isBroken: true });
  await ended.disks.mountAll();
  expect(ended.done).toEqual(["format db", "mount /dev/db /var/lib/qn-disks/db"]);
  for (const ext4 of [used, { ...fresh, label: "backup" }, { ...used, label: "" }]) {
    const { disks, done, troubles } = scene({ signatures: ["ext4"], ext4, isBroken: true });
    await disks.mountAll();
    expect([done, troubles]).toEqual([[], ['the disk "db": mount: wrong fs type, bad superblock']]);
  }
});

test("a file system follows its disk, and only where there is more than it can use", async () => {
  const { disks, done } = scene({ ext4: used, isMounted: true, deviceBytes: 3 * GiB });
  const asked = [
    { name: "db", sizeBytes: 3 * GiB },
    { name: "unknown", sizeBytes: GiB },
  ];
  expect(await disks.fillAll(asked)).toEqual([{ name: "db", sizeBytes: 3 * GiB }]);
  expect(await disks.fillAll(asked)).toEqual([{ name: "db", sizeBytes: 3 * GiB }]);
  expect(done).toEqual(["fill /dev/db"]);
});

test("what keeps a file system from growing is what the host hears, for the data disk too", async () => {
  const stuck = scene({ ext4: used, isMounted: true, isStuck: true });
  const data = { name: "data", sizeBytes: 2 * GiB };
  expect(await stuck.disks.fillAll([data])).toEqual([
    { name: "data", error: "the guest's kernel sees no larger disk" },
  ]);
  const apart = scene({ ext4: used });
  expect(await apart.disks.fillAll([data])).toEqual([{ name: "data", error: "it is not mounted" }]);
  expect([stuck.done, apart.done]).toEqual([[], []]);
});
