/** A guest that makes sockets without end: so many answer as there is room for, and no more descriptors are taken. */
import { expect, test } from "bun:test";
import { chmod, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "../../../../src/system/net/connection.ts";
import { newFolder } from "../../../support/folder.ts";
import { inShare, op, root } from "../../../support/fuse-calls.ts";
import { until } from "../../../support/until.ts";
import { long, named, type VhostGuest, words } from "../../../support/vhost-guest.ts";

/** Of `ulimit -n 1024`, which the server has here (descriptor-parts.ts). */
const listenersMax = 64;

const mknod = (guest: VhostGuest, name: string, mode = 0o140_777) =>
  guest.ask(op.mknod, root, Buffer.concat([words(mode, 0, 0, 0), named(name)]));

const outcomeAt = async (path: string): Promise<string> => {
  try {
    (await connect({ unix: path })).reset();
    return "taken";
  } catch (error) {
    const { code } = error as { code?: unknown };
    // Hung up on before the runtime has told of the connection.
    return code === "ECONNRESET" ? "taken" : String(code);
  }
};

test("of 2,000 sockets as many answer as there is room for, and others once those are forgotten", async () => {
  await using aside = await newFolder();
  await chmod(aside.path, 0o755);
  const flags = [`--answer=${join(aside.path, "nobody.sock")}`, "--tag=qn0"];
  await inShare(
    async ({ guest, folder }) => {
      const nodes: bigint[] = [];
      const held = async (): Promise<number> => (await readdir(`/proc/${guest.holder.pid}/fd`)).length;
      const before = await held();
      for (let index = 0; index < 2_000; index += 1) {
        const { error, body } = await mknod(guest, `s${index}`);
        if (error !== 0) throw new Error(`socket ${index}: ${error}`);
        nodes.push(body.readBigUInt64LE(0));
      }
      const last = listenersMax - 1;
      const seen = [0, last, last + 1, 1_999].map((index) => outcomeAt(join(folder, `s${index}`)));
      expect(await Promise.all(seen)).toEqual(["taken", "taken", "ECONNREFUSED", "ECONNREFUSED"]);
      expect((await held()) - before).toBeLessThan(3 * listenersMax);
      // A name that is taken stays what it is, also a socket's.
      expect([(await mknod(guest, "s1")).error, (await mknod(guest, "s1999")).error]).toEqual([-17, -17]);
      // The guest's kernel forgets one, which is still there: nobody listens, and another one may.
      guest.submit(2, nodes[0] ?? 0n, long(1n));
      expect((await mknod(guest, "next")).error).toBe(0);
      expect(await outcomeAt(join(folder, "next"))).toBe("taken");
      // Who has the listener hears of it a moment later.
      const isRefused = async () => (await outcomeAt(join(folder, "s0"))) === "ECONNREFUSED";
      await until("nobody at a forgotten socket", 5_000, async () => (await isRefused()) || undefined);
    },
    { flags },
  );
}, 60_000);

test("a socket has the mode that the guest gives it, and no other before", async () => {
  await inShare(
    async ({ guest, folder }) => {
      for (const mode of [0o600, 0o777]) {
        expect((await mknod(guest, `s${mode}`, 0o140_000 | mode)).error).toBe(0);
        expect((await lstat(join(folder, `s${mode}`))).mode & 0o7777).toBe(mode);
        expect((await mknod(guest, `s${mode}`)).error).toBe(-17);
      }
    },
    { flags: ["--answer=/nobody.sock", "--tag=qn0"] },
  );
});

test("a server that may only read, or that is told of nobody who listens, makes sockets as before", async () => {
  await inShare(async ({ guest, folder }) => {
    expect((await mknod(guest, "s")).error).toBe(0);
    expect(await outcomeAt(join(folder, "s"))).toBe("ECONNREFUSED");
  });
});
