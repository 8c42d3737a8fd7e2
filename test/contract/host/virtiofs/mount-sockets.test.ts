/** Sockets that containers make in a mount answer this machine: with its own FUSE, real servers, and a real gate. */
import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { chmod, chown, link, lstat, mkdir, rename, rm, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { reachMountSocket } from "../../../../src/agent/files/sockets/reach.ts";
import { mknodAt, O_DIRECTORY } from "../../../../src/system/kernel/file-calls.ts";
import { bindMount, unmount } from "../../../../src/system/kernel/libc.ts";
import { allocateText } from "../../../../src/system/kernel/memory.ts";
import { type Connection, connect } from "../../../../src/system/net/connection.ts";
import { connectToNamed } from "../../../../src/system/net/named-socket.ts";
import { failureOf } from "../../../support/failures.ts";
import { plainUser } from "../../../support/fuse-calls.ts";
import { canMount } from "../../../support/fuse-mount.ts";
import { heldDescriptors, inMountSocketScene, killWorker, sayAt } from "../../../support/mount-socket-scene.ts";
import { answerAtEnd, askToEnd, payload, receive, send, sumOf } from "../../../support/streams.ts";
import { until } from "../../../support/until.ts";

const real = test.skipIf(!canMount);
const mebibyte = 1024 ** 2;

/** A server that ends as one that is killed: its name stays. */
async function listenAndDie(path: string): Promise<void> {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "ignore", "inherit"] }).exited;
}

/** Answers with what came once its client has ended, and a word before it. */
const echoAs =
  (name: string) =>
  (connection: Connection): void => {
    const received = receive(connection);
    void received.ended.then(async () => {
      await send(connection, Buffer.concat([Buffer.from(`${name}:`), received.whole]));
      return connection.end();
    });
  };

real(
  "a program of this machine reaches a container's socket by its path, and one in the mount does as before",
  async () => {
    await inMountSocketScene(async ({ at, folder, serve, refusals }) => {
      serve(join(at, "s.sock"), echoAs("one"));
      expect((await lstat(join(folder, "s.sock"))).isSocket()).toBe(true);
      expect(await sayAt(join(folder, "s.sock"), "hello")).toBe("one:hello");
      expect(await sayAt(join(at, "s.sock"), "inside")).toBe("one:inside");
      expect(refusals).toEqual([]);
    });
  },
);

real("10 MiB go each way, and who has ended his direction first hears all", async () => {
  await inMountSocketScene(async ({ at, folder, serve }) => {
    const [up, down] = [payload(10 * mebibyte), payload(10 * mebibyte + 1)];
    const heard = Promise.withResolvers<string>();
    serve(join(at, "s.sock"), (connection) => void answerAtEnd(connection, down, heard.resolve));
    const client = await connect({ unix: join(folder, "s.sock") });
    const received = await askToEnd(client, up);
    expect(await heard.promise).toBe(sumOf(up));
    expect(sumOf(received.whole)).toBe(sumOf(down));
  });
});

real("a server that speaks first is heard by a client that says nothing", async () => {
  await inMountSocketScene(async ({ at, folder, serve }) => {
    serve(join(at, "s.sock"), (connection) => {
      connection.write("welcome");
      connection.end();
    });
    const received = receive(await connect({ unix: join(folder, "s.sock") }));
    await received.ended;
    expect(received.whole.toString()).toBe("welcome");
  });
});

real(
  "a socket is its user's in containers, whatever the host says of it, and after its server was killed",
  async () => {
    await inMountSocketScene(async ({ at, folder, serve }) => {
      const path = join(at, "s.sock");
      serve(path, echoAs("one"));
      await chown(path, 999, 998);
      await chmod(path, 0o770);
      const seen = async (): Promise<readonly number[]> => {
        const { uid, gid, mode } = await lstat(path);
        return [uid, gid, mode & 0o7777];
      };
      expect(await seen()).toEqual([999, 998, 0o770]);
      const { uid, mode } = await lstat(join(folder, "s.sock"));
      expect([uid, mode & 0o7777]).toEqual([plainUser, 0o770]);
      await killWorker(`--folder=${folder} `);
      expect(await seen()).toEqual([999, 998, 0o770]);
      expect(await sayAt(join(folder, "s.sock"), "after")).toBe("one:after");
    });
  },
);

real("a socket that was moved, with its folder or by itself, by either side, answers where it is", async () => {
  await inMountSocketScene(async ({ at, folder, serve }) => {
    await mkdir(join(at, "a"));
    const server = serve(join(at, "a/new~"), echoAs("one"));
    await rename(join(at, "a/new~"), join(at, "a/s"));
    expect(await sayAt(join(folder, "a/s"), "1")).toBe("one:1");
    await rename(join(at, "a"), join(at, "b"));
    expect(await sayAt(join(folder, "b/s"), "2")).toBe("one:2");
    await rename(join(folder, "b/s"), join(folder, "t"));
    expect(await sayAt(join(folder, "t"), "3")).toBe("one:3");
    await link(join(at, "t"), join(at, "u"));
    expect(await sayAt(join(folder, "u"), "4")).toBe("one:4");
    server.closeAll();
  });
});

real(
  "nobody listens any more once a container's server has ended and removed its socket, killed server or not",
  async () => {
    await inMountSocketScene(async ({ at, folder, place, serve }) => {
      for (const isKilled of [false, true]) {
        // Another name, in a folder that containers do not see: the socket itself is still there.
        const kept = join(place, `kept-${isKilled}`);
        const server = serve(join(at, "s.sock"), echoAs("one"));
        await link(join(folder, "s.sock"), kept);
        expect(await sayAt(join(folder, "s.sock"), "x")).toBe("one:x");
        if (isKilled) await killWorker(`--folder=${folder} `);
        server.closeAll();
        await rm(join(at, "s.sock"), { force: true });
        // The guest's kernel says that it has forgotten the file a moment later, and nobody waits for that.
        await until(
          "a listener that has ended",
          5_000,
          async () => (await sayAt(kept, "x")) === "ECONNREFUSED" || undefined,
        );
      }
    });
  },
);

real("a supervisor's end ends what it carries, and who comes then waits for the next one", async () => {
  await inMountSocketScene(async ({ at, folder, serve, supervisorDies, supervisorComes }) => {
    const path = join(folder, "s.sock");
    serve(join(at, "s.sock"), echoAs("one"));
    const open = receive(await connect({ unix: path }));
    supervisorDies();
    await open.closed;
    const before = await heldDescriptors(folder);
    const waiting = sayAt(path, "again");
    await until("who is taken", 5_000, async () => (await heldDescriptors(folder)) > before || undefined);
    await supervisorComes();
    expect(await waiting).toBe("one:again");
  });
});

real(
  "a container that was killed: its socket is there, and who connects is hung up on until it listens anew",
  async () => {
    await inMountSocketScene(async ({ at, folder, serve, refusals }) => {
      const [path, seen] = [join(at, "s.sock"), join(folder, "s.sock")];
      await listenAndDie(path);
      expect(await sayAt(seen, "x")).toBe("");
      expect(refusals).toEqual([expect.any(String)]);
      await unlink(path);
      serve(path, echoAs("next"));
      expect(await sayAt(seen, "x")).toBe("next:x");
    });
  },
);

real("a thousand clients at once all have their answer", async () => {
  await inMountSocketScene(async ({ at, folder, serve }) => {
    serve(join(at, "s.sock"), echoAs("one"));
    const words = Array.from({ length: 1_000 }, (_, index) => `${index}`);
    const answers = await Promise.all(words.map((each) => sayAt(join(folder, "s.sock"), each)));
    expect(answers).toEqual(words.map((each) => `one:${each}`));
  });
});

real("who connects while a container moves its sockets is answered by one of them, or by nobody", async () => {
  await inMountSocketScene(async ({ at, folder, serve }) => {
    const [a = "", b = "", aside = ""] = ["a", "b", "aside"].map((name) => join(at, name));
    serve(a, echoAs("one"));
    serve(b, echoAs("two"));
    const end = new AbortController();
    const moving = (async () => {
      while (!end.signal.aborted) {
        await rename(a, aside);
        await rename(b, a);
        await rename(aside, b);
      }
    })();
    const outcomes = new Set<string>();
    for (let round = 0; round < 20; round += 1) {
      const clients = Array.from({ length: 10 }, () => sayAt(join(folder, "a"), "x"));
      for (const each of await Promise.all(clients)) outcomes.add(each);
    }
    end.abort();
    await moving;
    expect([...outcomes].filter((each) => !["one:x", "two:x", "", "ENOENT"].includes(each))).toEqual([]);
    expect(outcomes.has("one:x") || outcomes.has("two:x")).toBe(true);
    const now = await Promise.all([sayAt(join(folder, "a"), "x"), sayAt(join(folder, "b"), "x")]);
    expect(now.toSorted()).toEqual(["one:x", "two:x"]);
  });
});

real("where root serves a socket is whose the container says on this machine, too", async () => {
  await inMountSocketScene(
    async ({ at, folder, serve }) => {
      serve(join(at, "s.sock"), echoAs("one"));
      await chown(join(at, "s.sock"), 999, 998);
      expect(await lstat(join(folder, "s.sock"))).toMatchObject({ uid: 999, gid: 998 });
      expect(await sayAt(join(folder, "s.sock"), "x")).toBe("one:x");
    },
    { uid: 0 },
  );
});

real("a name too long for a socket's address is made as before, and nobody answers there", async () => {
  await inMountSocketScene(async ({ at, folder }) => {
    const name = "n".repeat(108);
    const mounted = openSync(at, O_DIRECTORY);
    expect(mknodAt(mounted, allocateText(name), 0o140_644, 0)).toBe(0);
    closeSync(mounted);
    expect((await lstat(join(at, name))).isSocket()).toBe(true);
    expect((await lstat(join(folder, name))).isFile()).toBe(true);
  });
});

real("the name that it is bound to is no path: no socket of files.sockets is taken for it", async () => {
  await inMountSocketScene(async ({ at, folder, serve }) => {
    serve(join(at, "s.sock"), echoAs("one"));
    const { connection, boundTo } = await connectToNamed(join(folder, "s.sock"));
    connection.reset();
    expect(boundTo).toBe("s.sock");
  });
});

real("the agent connects to a socket in the mount and to nothing that something there leads to", async () => {
  await inMountSocketScene(async ({ at, place, serve }) => {
    const shares = [{ tag: "qn0", path: at, folder: at, readOnly: false }];
    const reach = async (path: string, tag = "qn0") =>
      (await failureOf(() => reachMountSocket(shares, { tag, path }))) as { code?: string; message?: string };
    serve(join(place, "outside.sock"), echoAs("outside"));
    await mkdir(join(at, "deep"));
    await symlink(join(place, "outside.sock"), join(at, "link"));
    await symlink(place, join(at, "folder"));
    await Bun.write(join(at, "file"), "");
    for (const path of ["link", "folder/outside.sock", "file", "deep"])
      expect([path, await reach(path)]).toEqual([path, expect.objectContaining({ code: "LINK_REFUSED" })]);
    expect(await reach("file", "qn1")).toMatchObject({ code: "LINK_REFUSED" });
    // Links within, and what is mounted over a name: the host's own socket, say (files.sockets).
    await symlink("deep", join(at, "way"));
    bindMount(join(place, "outside.sock"), join(at, "file"));
    serve(join(at, "deep/s"), echoAs("one"));
    const refused = [await reach("way/s"), await reach("file")];
    unmount(join(at, "file"));
    expect(refused.map(({ code }) => code)).toEqual(["LINK_REFUSED", "LINK_REFUSED"]);
    const connection = await reachMountSocket(shares, { tag: "qn0", path: "deep/s" });
    connection.reset();
  });
});
