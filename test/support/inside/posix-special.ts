/** Maps, attributes, locks, special files, and the file system. A section for each, which says what the calls give. */
import { readdirSync } from "node:fs";
import { call, stat } from "./posix-calls.ts";
import { at, base, isSame, member, O, open, put, readAll, readFd, say, text } from "./posix-tools.ts";

/** The sections by their names. */
export const special: Readonly<Record<string, () => void>> = {
  "unnamed files"() {
    const fd = open(base, O.TMPFILE | O.RDWR, 0o640);
    say("made", fd >= 0, member(fd, "mode"), member(fd, "links"));
    say("write", call("write", fd, text("secret"), 6), readFd(fd));
    say(
      "linked",
      call("linkat", -100, `/proc/self/fd/${fd}`, -100, at("named"), 0x400),
      readAll(at("named")),
      member(fd, "links"),
    );
    say("same", isSame(fd, at("named")));
    const never = open(base, O.TMPFILE | O.RDWR | O.EXCL, 0o640);
    say("never linked", never >= 0, call("linkat", -100, `/proc/self/fd/${never}`, -100, at("no"), 0x400));
    say("names", readdirSync(base).join());
  },
  maps() {
    const path = put("file", "x".repeat(5000));
    const fd = open(path, O.RDWR);
    const shared = Number(call("mmap", null, 8192, 3, 1, fd, 0));
    say("shared", shared > 0);
    say(
      "written",
      call("memcpy", BigInt(shared + 100), text("MAPPED"), 6) !== 0,
      call("msync", BigInt(shared), 8192, 4),
      readFd(fd, 100, 6),
    );
    say("unmapped", call("munmap", BigInt(shared), 8192), readAll(path).slice(100, 106));
    const again = Number(call("mmap", null, 4096, 1, 1, fd, 0));
    call("pwrite", fd, text("BY WRITE"), 8, 0);
    say("a write seen in a map", readFd(fd, 0, 8), again > 0);
    say("private", Number(call("mmap", null, 4096, 3, 2, open(path, O.RDONLY), 0)) > 0);
    say("shared on read only", call("mmap", null, 4096, 3, 1, open(path, O.RDONLY), 0));
    const appending = open(path, O.RDWR | O.APPEND);
    const third = Number(call("mmap", null, 4096, 3, 1, appending, 0));
    call("memcpy", BigInt(third), text("FRONT"), 5);
    call("msync", BigInt(third), 4096, 4);
    call("munmap", BigInt(third), 4096);
    call("close", appending);
    say("through an appending handle", member(path, "size"), readAll(path).slice(0, 5));
    const gone = Number(call("mmap", null, 4096, 3, 1, fd, 0));
    call("unlink", path);
    call("memcpy", BigInt(gone), text("GONE"), 4);
    say("of an unlinked file", call("msync", BigInt(gone), 4096, 4), readFd(fd, 0, 4));
  },
  attributes() {
    const path = put("file");
    say("set", call("setxattr", path, "user.one", text("value"), 5, 0));
    const to = Buffer.alloc(100);
    say("get", call("getxattr", path, "user.one", to, 100), to.toString("latin1", 0, 5));
    say("length", call("getxattr", path, "user.one", null, 0));
    say("short", call("getxattr", path, "user.one", to, 2));
    say("create over", call("setxattr", path, "user.one", text("x"), 1, 1));
    say("replace none", call("setxattr", path, "user.two", text("x"), 1, 2));
    say("empty", call("setxattr", path, "user.empty", null, 0, 0), call("getxattr", path, "user.empty", to, 100));
    say("list", call("listxattr", path, to, 100), call("listxattr", path, null, 0), call("listxattr", path, to, 3));
    say("remove", call("removexattr", path, "user.one"), call("getxattr", path, "user.one", to, 100));
    say("remove none", call("removexattr", path, "user.none"));
    say("trusted", call("setxattr", path, "trusted.x", text("1"), 1, 0), call("getxattr", path, "trusted.x", to, 100));
    say("no such kind", call("setxattr", path, "nothing.x", text("1"), 1, 0));
    say("no kind", call("setxattr", path, "x", text("1"), 1, 0));
    say(
      "large",
      call("setxattr", path, "user.large", Buffer.alloc(3000), 3000, 0),
      call("getxattr", path, "user.large", null, 0),
    );
    say("too large", call("setxattr", path, "user.huge", Buffer.alloc(70_000), 70_000, 0));
    say(
      "a long name",
      call("setxattr", path, `user.${"n".repeat(250)}`, text("1"), 1, 0),
      call("setxattr", path, `user.${"n".repeat(251)}`, text("1"), 1, 0),
    );
    call("symlink", "file", at("link"));
    say(
      "of a link itself",
      call("lsetxattr", at("link"), "user.x", text("1"), 1, 0),
      call("lsetxattr", at("link"), "trusted.x", text("1"), 1, 0),
    );
    say(
      "of a folder",
      call("setxattr", base, "user.folder", text("1"), 1, 0),
      call("removexattr", base, "user.folder"),
    );
    say("a list of access", call("getxattr", path, "system.posix_acl_access", to, 100));
  },
  locks() {
    const path = put("file");
    const first = open(path, O.RDWR);
    const second = open(path, O.RDWR);
    say("flock", call("flock", first, 2), call("flock", second, 2 | 4));
    say("shared", call("flock", first, 1 | 4), call("flock", second, 1 | 4));
    say("unlock", call("flock", first, 8), call("flock", second, 2 | 4));
    const lock = (type: number, from: bigint, length: bigint): Buffer => {
      const bytes = Buffer.alloc(32);
      bytes.writeInt16LE(type, 0);
      bytes.writeBigInt64LE(from, 8);
      bytes.writeBigInt64LE(length, 16);
      return bytes;
    };
    say(
      "ranges",
      call("fcntl", first, 37, lock(1, 0n, 10n)),
      call("fcntl", second, 37, lock(1, 5n, 10n)),
      call("fcntl", second, 37, lock(1, 10n, 10n)),
    );
    const asked = lock(1, 0n, 10n);
    say("asked", call("fcntl", second, 36, asked), asked.readInt16LE(0), asked.readBigInt64LE(16));
    say("given back", call("fcntl", first, 37, lock(2, 0n, 0n)), call("fcntl", second, 37, lock(1, 0n, 10n)));
    say("classic", call("fcntl", first, 6, lock(0, 100n, 5n)));
    say("write lock on read only", call("fcntl", open(path, O.RDONLY), 6, lock(1, 200n, 5n)));
  },
  "special files"() {
    say("fifo", call("mkfifo", at("fifo"), 0o640), member(at("fifo"), "mode"));
    const reader = open(at("fifo"), O.RDONLY | O.NONBLOCK);
    const writer = open(at("fifo"), O.WRONLY | O.NONBLOCK);
    say(
      "through it",
      call("write", writer, text("piped"), 5),
      (() => {
        const to = Buffer.alloc(9);
        return `${call("read", reader, to, 9)} ${to.toString("latin1", 0, 5)}`;
      })(),
    );
    say(
      "fifo without a reader",
      call("mkfifo", at("lonely"), 0o640),
      call("open", at("lonely"), O.WRONLY | O.NONBLOCK, 0),
    );
    const address = (path: string): Buffer => Buffer.concat([Buffer.from([1, 0]), Buffer.from(`${path}\0`)]);
    const short = at("socket").length < 100 ? at("socket") : "";
    const server = Number(call("socket", 1, 1, 0));
    say(
      "socket",
      call("bind", server, address(short), address(short).length),
      call("listen", server, 1),
      member(short, "mode"),
    );
    const client = Number(call("socket", 1, 1, 0));
    say("connected", call("connect", client, address(short), address(short).length));
    say("bind again", call("bind", Number(call("socket", 1, 1, 0)), address(short), address(short).length));
    say("open a socket", call("open", short, O.RDWR, 0));
    say(
      "unlink a socket",
      call("unlink", short),
      call("connect", Number(call("socket", 1, 1, 0)), address(short), address(short).length),
    );
    say(
      "an empty file by mknod",
      call("mknod", at("made"), 0o100644, 0),
      member(at("made"), "mode"),
      member(at("made"), "size"),
    );
    say("a whiteout", call("mknod", at("white"), 0o020000, 0), member(at("white"), "mode"));
    say("mknod over", call("mknod", at("made"), 0o100644, 0));
    say("rename a fifo", call("rename", at("fifo"), at("fifo2")), member(at("fifo2"), "mode"));
    say("chmod a fifo", call("chmod", at("fifo2"), 0o600), member(at("fifo2"), "mode"));
  },
  "file system"() {
    const to = Buffer.alloc(112);
    say("statvfs", call("statvfs", base, to), to.readBigUInt64LE(0), to.readBigUInt64LE(80));
    say("blocks", to.readBigUInt64LE(16) > to.readBigUInt64LE(24) && to.readBigUInt64LE(24) > 0n);
    say("a path too long", call("open", `${base}/${"x/".repeat(2100)}`, O.RDONLY, 0));
    say("an empty path", call("open", "", O.RDONLY, 0));
    say("block size of a file", typeof stat(put("file")));
    say("blocks of a short file", member(put("file", "x"), "size"));
  },
};
