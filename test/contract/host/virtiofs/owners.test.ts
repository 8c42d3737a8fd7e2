/**
 * What containers own in a mount that an ordinary user serves: the real server, asked by this kernel's own FUSE. The
 * "container" is root, and users of other numbers, on the mounted folder.
 */
import { expect, test } from "bun:test";
import { chmod, lstat, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inShare, op, plainUser, root } from "../../../support/fuse-calls.ts";
import { canMount, inFuseMount } from "../../../support/fuse-mount.ts";
import { call } from "../../../support/inside/posix-calls.ts";
import { runProgram } from "../../../support/program.ts";
import { long, named, words } from "../../../support/vhost-guest.ts";

const attribute = "user.qn.owner";

/** What a shell in a folder says, as root or another user. */
async function sh(folder: string, script: string, uid = 0): Promise<string> {
  const as = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const { stdout, stderr } = await runProgram([...as, "sh", "-c", `umask 022; cd "$0" && ${script}`, folder]);
  return (stdout + stderr).trim();
}

/** Whose a file is and what it may be used for. */
async function facts(path: string): Promise<string> {
  const { uid, gid, mode } = await lstat(path);
  return `${uid}:${gid} ${mode.toString(8)}`;
}

/** What `qn mounts forget-owners` says. */
async function forgetOwners(folder: string): Promise<string> {
  const main = join(import.meta.dir, "../../../../src/main.ts");
  const { stdout, stderr } = await runProgram([process.execPath, main, "mounts", "forget-owners", folder]);
  return stdout + stderr;
}

const users = `${plainUser}:${plainUser}`;
const kept = (path: string): string => {
  const to = Buffer.alloc(200);
  const length = call("getxattr", path, attribute, to, 200);
  return typeof length === "number" ? to.toString("latin1", 0, length) : length;
};
const keep = (path: string, text: string) => call("setxattr", path, attribute, Buffer.from(text), text.length, 0);

test.skipIf(!canMount)("a database that insists on owning its folder owns it, and on the host all is the user's", () =>
  inFuseMount(async ({ at, folder }) => {
    await symlink("x", join(folder, "link"));
    expect(await sh(at, "mkdir -p data/base && ln -s base data/link && chown -R 999:998 data && chmod 700 data")).toBe(
      "",
    );
    expect(await sh(at, "umask 077; echo row >data/table && cat data/table && mkdir data/new", 999)).toBe("row");
    expect(await sh(at, "cat data/table", 1234)).toContain("Permission denied");
    expect(await facts(join(at, "data"))).toBe("999:998 40700");
    expect(await facts(join(at, "data/base"))).toBe("999:998 40755");
    expect(await facts(join(at, "data/table"))).toBe("999:999 100600");
    expect(await facts(join(folder, "data"))).toBe(`${users} 40700`);
    expect(await facts(join(folder, "data/table"))).toBe(`${users} 100600`);
    expect(await readFile(join(folder, "data/table"), "utf8")).toBe("row\n");
    expect([kept(join(folder, "data")), kept(join(folder, "data/table"))]).toEqual([
      "999:998:40700:0",
      "999:999:100600:0",
    ]);
  }),
);

test.skipIf(!canMount)("set-id bits are a container's, are lost as on any file system, and never reach the host", () =>
  inFuseMount(async ({ at, folder }) => {
    expect(
      await sh(
        at,
        "echo x >program; chown 5:6 program; chmod 6755 program; mkdir team; chown 0:70 team; chmod 2775 team",
      ),
    ).toBe("");
    expect(await facts(join(at, "program"))).toBe("5:6 106755");
    expect(await facts(join(folder, "program"))).toBe(`${users} 100755`);
    expect(await facts(join(folder, "team"))).toBe(`${users} 40775`);
    await sh(at, "chown 7 program");
    expect(await facts(join(at, "program"))).toBe("7:6 100755");
    await sh(at, "chmod 4777 program");
    await sh(at, "echo more >>program", 8);
    expect(await facts(join(at, "program"))).toBe("7:6 100777");
    // What is made in a folder of a group is the group's, and hands it down.
    await sh(at, "umask 002; echo x >team/file; mkdir team/inner");
    expect([await facts(join(at, "team/file")), await facts(join(at, "team/inner"))]).toEqual([
      "0:70 100664",
      "0:70 42775",
    ]);
  }),
);

test.skipIf(!canMount)("files that nobody may read or write are root's to read and write, as on any file system", () =>
  inFuseMount(async ({ at, folder }) => {
    expect(
      await sh(
        at,
        "echo x >none; chmod 000 none; cat none; echo y >>none; cat none; mkdir shut; chmod 0 shut; echo z >shut/in; ls shut",
      ),
    ).toBe("x\nx\ny\nin");
    expect([await facts(join(at, "none")), await facts(join(folder, "none"))]).toEqual([
      "0:0 100000",
      `${users} 100600`,
    ]);
    expect(await sh(at, "cat none", 999)).toContain("Permission denied");
  }),
);

test.skipIf(!canMount)("pipes, sockets and devices are a container's, and empty files on the host", () =>
  inFuseMount(async ({ at, folder }) => {
    expect(
      await sh(
        at,
        "mkfifo -m 640 pipe && chown 9:9 pipe && mknod -m 666 null c 1 3 && (echo through >pipe & cat pipe)",
      ),
    ).toBe("through");
    expect(await sh(at, "echo x >null; cat null; stat -c '%F %t:%T' null pipe; find . -type p; find . -type c")).toBe(
      "character special file 1:3\nfifo 0:0\n./pipe\n./null",
    );
    const server = Bun.serve({ unix: join(at, "socket"), fetch: () => new Response("here") });
    expect(await (await fetch("http://x/", { unix: join(at, "socket") })).text()).toBe("here");
    expect((await lstat(join(at, "socket"))).isSocket()).toBe(true);
    for (const name of ["pipe", "null", "socket"]) expect((await lstat(join(folder, name))).isFile()).toBe(true);
    await server.stop(true);
    expect(await facts(join(at, "pipe"))).toBe("9:9 10640");
    // A file that the host writes to is a file.
    await writeFile(join(folder, "null"), "text");
    expect(await sh(at, "stat -c '%F' null; cat null")).toBe("regular file\ntext");
  }),
);

test("a listing without attributes says of each file what it is in containers", () =>
  inShare(
    async ({ guest }) => {
      for (const [index, type] of [1, 2, 6, 8, 12].entries()) {
        const body = Buffer.concat([words((type << 12) | 0o600, index, 0, 0), named(`${type}`)]);
        expect((await guest.ask(op.mknod, root, body)).error).toBe(0);
      }
      const handle = (await guest.ask(op.opendir, root, words(0, 0))).body.readBigUInt64LE(0);
      const reading = Buffer.concat([long(handle), long(0n), words(4096, 0), long(0n), words(0, 0)]);
      const { body } = await guest.ask(op.readdir, root, reading);
      const types: Record<string, number> = {};
      for (let at = 0; at < body.length;) {
        const length = body.readUInt32LE(at + 16);
        types[body.toString("utf8", at + 24, at + 24 + length)] = body.readUInt32LE(at + 20);
        at += Math.ceil((24 + length) / 8) * 8;
      }
      expect(types).toEqual({ ".": 4, "..": 4, "1": 1, "2": 2, "6": 6, "8": 8, "12": 12 });
    },
    process.getuid?.() === 0 ? { uid: plainUser } : {},
  ));

test.skipIf(!canMount)(
  "what the host makes or saves is the user's in containers too, and what it chmods is as it says",
  () =>
    inFuseMount(async ({ at, folder }) => {
      await sh(at, "echo x >file; chown 5:5 file; chmod 4755 file");
      await chmod(join(folder, "file"), 0o640);
      expect(await sh(at, "stat -c '%u:%g %a' file")).toBe("5:5 640");
      await sh(folder, "echo saved >next; mv next file", plainUser);
      expect(await sh(at, "stat -c '%u:%g %a' file; cat file")).toBe(`${users} 644\nsaved`);
      expect(await readdir(at)).toEqual(["file"]);
    }),
);

test.skipIf(!canMount)("what a file says of its owner that qn has not written there counts for nothing", () =>
  inFuseMount(async ({ at, folder }) => {
    const hostile = [
      "0:0:104755",
      "0:0:40755:0",
      "0:0:120777:0",
      "0:-1:100644:0",
      "9".repeat(300),
      "0:0:104755:0\0",
      "%n",
    ];
    for (const [index, text] of hostile.entries()) {
      await sh(folder, `echo x >${index}; mkdir folder${index}`, plainUser);
      expect([keep(join(folder, `${index}`), text), keep(join(folder, `folder${index}`), text)]).toEqual([0, 0]);
    }
    keep(join(folder, "folder1"), "0:0:104755:0");
    for (const index of hostile.keys()) {
      expect([index, await facts(join(at, `${index}`))]).toEqual([index, `${users} 100644`]);
      expect([index, await facts(join(at, `folder${index}`))]).toEqual([index, `${users} 40755`]);
    }
    // A file of another user of the host's, who would make it a program of root's.
    await sh(folder, "echo x >theirs");
    keep(join(folder, "theirs"), "5:5:104644:0");
    expect(await facts(join(at, "theirs"))).toBe("0:0 100644");
    expect(await sh(at, "chown 5 theirs")).toContain("not permitted");
  }),
);

test.skipIf(!canMount)("no program of a container sees or sets what is kept by its name", () =>
  inFuseMount(async ({ at, folder }) => {
    await sh(at, "echo x >file; chown 5:5 file");
    const path = join(at, "file");
    expect([kept(path), keep(path, "0:0:104755:0"), call("removexattr", path, attribute)]).toEqual([
      "ENODATA",
      "EPERM",
      "ENODATA",
    ]);
    call("setxattr", path, "user.other", Buffer.from("1"), 1, 0);
    const names = Buffer.alloc(100);
    const length = Number(call("listxattr", path, names, 100));
    expect(names.toString("latin1", 0, length)).toBe("user.other\0");
    expect([call("listxattr", path, null, 0), call("listxattr", path, names, 5)]).toEqual([11, "ERANGE"]);
    expect(kept(join(folder, "file"))).toBe("5:5:100644:0");
  }),
);

test.skipIf(!canMount)("owners are forgotten when the user says so, in all folders and through no link", () =>
  inFuseMount(async ({ at, folder, place }) => {
    await sh(at, "mkdir -p a/b && echo x >a/b/file && mkfifo a/pipe && chown -R 5:5 a");
    await sh(place, "mkdir outside; echo x >outside/file", plainUser);
    keep(join(place, "outside/file"), "5:5:100644:0");
    await symlink("../outside", join(folder, "link"));
    await symlink("../outside/file", join(folder, "file"));
    await chmod(join(folder, "a/b/file"), 0o444);
    const told = await forgetOwners(folder);
    expect(told).toContain("owners of 4 files and folders");
    expect(kept(join(place, "outside/file"))).toBe("5:5:100644:0");
    expect(await sh(folder, "find . -type f -o -type d | sort | xargs stat -c '%n %u %a'")).toBe(
      [". 54321 755", "./a 54321 755", "./a/b 54321 755", "./a/b/file 54321 444", "./a/pipe 54321 644"].join("\n"),
    );
    expect(await forgetOwners(folder)).toContain("Nothing was kept");
    expect(await forgetOwners(join(folder, "link"))).toContain("[USAGE]");
    await rename(join(folder, "a"), join(folder, "c"));
    expect(await sh(at, "stat -c '%u %a' c c/b c/b/file; stat -c %F c/pipe")).toBe(
      `${plainUser} 755\n${plainUser} 755\n${plainUser} 444\nregular empty file`,
    );
  }),
);
