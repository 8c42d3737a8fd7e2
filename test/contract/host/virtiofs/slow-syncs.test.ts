/** A disk that is slow to take what a guest wants to be on it: who else asks, and a server that is killed meanwhile. */
import { expect, test } from "bun:test";
import { constants } from "node:fs";
import { open, readdir, readlink, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { O_PATH } from "../../../../src/system/kernel/libc.ts";
import { newFolder } from "../../../support/folder.ts";
import { create, inShare, op, root, writing } from "../../../support/fuse-calls.ts";
import { qnIn } from "../../../support/other-user.ts";
import { repository } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";
import { long, named, type VhostGuest, words } from "../../../support/vhost-guest.ts";

const syncing = (handle: bigint, isDataOnly = false): Buffer =>
  Buffer.concat([long(handle), words(isDataOnly ? 1 : 0, 0)]);
/** The arguments of a SYNCFS: nothing. */
const padding = long(0n);
const folderNamed = (name: string): Buffer => Buffer.concat([words(0o755, 0), named(name)]);

/** As slow as can be: who holds the mount, and brings files to the disk, stands still meanwhile. */
async function whileDiskStands(guest: VhostGuest, act: () => Promise<void>): Promise<void> {
  process.kill(guest.holder.pid, "SIGSTOP");
  try {
    await act();
  } finally {
    process.kill(guest.holder.pid, "SIGCONT");
  }
}

async function answered(guest: VhostGuest, slots: readonly number[]): Promise<void> {
  await until("the answers", 10_000, () => (slots.every((slot) => guest.isAnswered(slot)) ? true : undefined));
}

/** A folder, opened: its handle. */
async function opened(guest: VhostGuest, node: bigint): Promise<bigint> {
  return (await guest.ask(op.opendir, node, words(0, 0))).body.readBigUInt64LE(0);
}

test("who asks for something else does not wait for the disk", async () => {
  await inShare(async ({ guest, folder }) => {
    const [node, handle] = await create(guest, "file");
    const folderHandle = await opened(guest, root);
    await guest.ask(op.write, node, writing(handle, 0, "text"));
    const syncs: number[] = [];
    await whileDiskStands(guest, async () => {
      syncs.push(guest.submit(op.fsync, node, syncing(handle)), guest.submit(op.fsync, node, syncing(handle, true)));
      for (const isDataOnly of [false, true])
        syncs.push(guest.submit(op.fsyncdir, root, syncing(folderHandle, isDataOnly)));
      syncs.push(guest.submit(op.syncfs, root, padding), guest.submit(op.syncfs, root, padding));
      await answered(guest, [guest.submit(op.mkdir, root, folderNamed("made"))]);
      expect(syncs.map((slot) => guest.isAnswered(slot))).toEqual(syncs.map(() => false));
    });
    for (const slot of syncs) expect((await guest.answerTo(slot)).error).toBe(0);
    expect((await readdir(folder)).toSorted()).toEqual(["file", "made"]);
    for (const [kind, at, body] of [
      [op.fsync, node, syncing(handle)],
      [op.fsyncdir, root, syncing(folderHandle)],
      [op.syncfs, root, padding],
    ] as const)
      expect((await guest.ask(kind, at, body)).error).toBe(0);
    // What was given along is closed again.
    const links = await Promise.all(
      (await readdir(`/proc/${guest.holder.pid}/fd`)).map((fd) =>
        readlink(`/proc/${guest.holder.pid}/fd/${fd}`).catch(() => ""),
      ),
    );
    expect(links.filter((link) => link === folder)).toEqual([]);
  });
});

test("whoever waits for the disk does not wait for those who never stop asking for something else", async () => {
  await inShare(async ({ guest, folder }) => {
    for (let index = 0; index < 200; index += 1) await writeFile(join(folder, `name-${index}`), "");
    const [node, handle] = await create(guest, "file");
    const folderHandle = await opened(guest, root);
    // Each takes the server about half a millisecond, so that this process can keep up.
    const listed = Buffer.concat([long(folderHandle), long(0n), words(8000, 0), long(0n), words(0, 0)]);
    const listing = guest.submit(op.readdirplus, root, listed);
    expect((await guest.answerTo(listing)).error).toBe(0);
    // Once is enough; where the ring was empty for a moment, of what a busy machine is the reason, it says nothing.
    const proofs: boolean[] = [];
    while (proofs.length < 10 && proofs.at(-1) !== true) {
      const endsMs = performance.now() + 5_000;
      let slot: number | undefined;
      let isAnswered = false;
      const wasFull = guest.keepBusy(listing, () => {
        slot ??= guest.submit(op.fsync, node, syncing(handle));
        isAnswered = guest.isAnswered(slot);
        return isAnswered || performance.now() > endsMs;
      });
      proofs.push(wasFull && isAnswered);
      expect((await guest.answerTo(slot ?? 0)).error).toBe(0);
    }
    expect(proofs).toContain(true);
  });
}, 90_000);

test("a process of its own brings a file system to the disk, and says what has become of that", async () => {
  await using place = await newFolder();
  const run = async (flags: number): Promise<number> => {
    await using folder = await open(place.path, flags);
    const command = [...qnIn(repository), "virtiofs", "--folder=.", "--socket=.", "--sync"];
    return await Bun.spawn(command, { stdio: [folder.fd, "ignore", "inherit"] }).exited;
  };
  expect(await run(constants.O_RDONLY)).toBe(0);
  // EBADF.
  expect(await run(O_PATH)).toBe(9);
});

test("of what the disk was slow to take nothing is forgotten or done twice when the server is killed", async () => {
  await inShare(async ({ guest, folder }) => {
    const [node, handle] = await create(guest, "file");
    const folderHandle = await opened(guest, root);
    for (let round = 0; round < 4; round += 1) {
      const slots: number[] = [];
      await whileDiskStands(guest, async () => {
        for (let index = 0; index < 4; index += 1) {
          slots.push(guest.submit(op.fsync, node, syncing(handle)), guest.submit(op.syncfs, root, padding));
          slots.push(guest.submit(op.fsyncdir, root, syncing(folderHandle)));
          const made = guest.submit(op.mkdir, root, folderNamed(`${round}-${index}`));
          await answered(guest, [made]);
          slots.push(made);
        }
        process.kill(await guest.worker(), "SIGKILL");
        slots.push(
          guest.submit(op.fsync, node, syncing(handle)),
          guest.submit(op.mkdir, root, folderNamed(`${round}`)),
        );
      });
      // One that was made twice would be there already.
      for (const slot of slots) expect((await guest.answerTo(slot)).error).toBe(0);
    }
    expect((await readdir(folder)).length).toBe(1 + 4 * 5);
  });
}, 60_000);

test("a folder that is gone when another server would open it anew is an error, and nobody waits without end", async () => {
  await inShare(async ({ guest, folder }) => {
    const made = await guest.ask(op.mkdir, root, folderNamed("made"));
    const node = made.body.readBigUInt64LE(0);
    const handle = await opened(guest, node);
    let slot = 0;
    await whileDiskStands(guest, async () => {
      slot = guest.submit(op.fsyncdir, node, syncing(handle));
      await answered(guest, [guest.submit(op.mkdir, root, folderNamed("other"))]);
      await rmdir(join(folder, "made"));
      process.kill(await guest.worker(), "SIGKILL");
    });
    expect((await guest.answerTo(slot)).error).toBe(-116);
  });
});

test("so is it when it is killed while answers come", async () => {
  await inShare(async ({ guest, folder }) => {
    const [node, handle] = await create(guest, "file");
    for (let round = 0; round < 6; round += 1) {
      const slots = Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0
          ? guest.submit(op.fsync, node, syncing(handle))
          : guest.submit(op.mkdir, root, folderNamed(`${round}-${index}`)),
      );
      process.kill(await guest.worker(), "SIGKILL");
      for (const slot of slots) expect((await guest.answerTo(slot)).error).toBe(0);
    }
    expect((await readdir(folder)).length).toBe(1 + 6 * 20);
  });
}, 60_000);

test("a guest that closes the file meanwhile, or asks for one that it has not open, has an answer each time", async () => {
  await inShare(async ({ guest }) => {
    const [node, handle] = await create(guest, "file");
    const slots: number[] = [];
    await whileDiskStands(guest, async () => {
      slots.push(guest.submit(op.fsync, node, syncing(handle)));
      await answered(guest, [guest.submit(op.release, node, Buffer.concat([long(handle), words(0, 0), long(0n)]))]);
      slots.push(guest.submit(op.fsync, node, syncing(handle)));
      await answered(guest, slots.slice(1));
    });
    expect([0, -9]).toContain((await guest.answerTo(slots[0] ?? 0)).error);
    expect((await guest.answerTo(slots[1] ?? 0)).error).toBe(-9);
  });
});

test("a guest that breaks the chain of what the disk was slow to take has a broken ring, and no server dies of it", async () => {
  await inShare(async ({ guest }) => {
    const [node, handle] = await create(guest, "file");
    const worker = await guest.worker();
    await whileDiskStands(guest, async () => {
      const slot = guest.submit(op.fsync, node, syncing(handle));
      await answered(guest, [guest.submit(op.mkdir, root, folderNamed("made"))]);
      // The descriptors of the request, one after the other without end.
      guest.descriptor(2 * slot, 65_536, 64, 1, 2 * slot);
    });
    for await (const text of guest.holder.stderr) if (Buffer.from(text).includes("has broken a ring")) break;
    expect(await guest.worker()).toBe(worker);
  });
});
