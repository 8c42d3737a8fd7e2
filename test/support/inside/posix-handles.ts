/** Handles, and what open files are asked for. A section for each, which says what the calls give. */
import { readdirSync, writeFileSync } from "node:fs";
import { call, times } from "./posix-calls.ts";
import { at, base, isSame, member, O, open, put, readAll, readFd, say, text } from "./posix-tools.ts";

/** The sections by their names. */
export const handles: Readonly<Record<string, () => void>> = {
  "handles after unlink"() {
    const path = put("file", "content");
    const fd = open(path, O.RDWR);
    say("unlink", call("unlink", path));
    say("read", readFd(fd));
    say("write", call("pwrite", fd, text("new"), 3, 0), readFd(fd));
    say("links", member(fd, "links"));
    say("size", member(fd, "size"));
    say("truncate", call("ftruncate", fd, 2), member(fd, "size"));
    say("chmod", call("fchmod", fd, 0o600), member(fd, "mode"));
    say("times", call("futimens", fd, times([5n, 7n], [6n, 8n])), member(fd, "modified"));
    say("xattr", call("fgetxattr", fd, "user.none", null, 0));
    say("fsync", call("fsync", fd));
    put("file", "another");
    say("another of the name", readAll(path), readFd(fd), isSame(path, fd));
    say("grow", call("fallocate", fd, 0, 0, 100), member(fd, "size"));
    say("open through proc", readFd(open(`/proc/self/fd/${fd}`, O.RDONLY), 0, 2));
    say("close", call("close", fd));
  },
  "handles after rename"() {
    const path = put("old", "old content");
    const fd = open(path, O.RDWR);
    say("rename away", call("rename", path, at("moved")), readFd(fd), isSame(fd, at("moved")));
    put("new", "saved by an editor");
    say("rename over", call("rename", at("new"), at("moved")));
    say("old content", readFd(fd));
    say("truncate the old", call("ftruncate", fd, 0), readAll(at("moved")));
    say("chmod the old", call("fchmod", fd, 0o600), member(at("moved"), "mode"));
    say(
      "times of the old",
      call("futimens", fd, times([1n, 0n], [1n, 0n])),
      member(at("moved"), "modified") === 1000000000n,
    );
    say("write to the old", call("pwrite", fd, text("x"), 1, 0), readAll(at("moved")));
    say("chown the old", call("fchown", fd, 0, 0));
    say("links of the old", member(fd, "links"));
    call("close", fd);
    const log = put("log", "one\n");
    const follower = open(log, O.RDONLY);
    call("rename", log, at("log.1"));
    put("log", "two\n");
    say("a rotated log", readFd(follower), readAll(log), readAll(at("log.1")));
  },
  "handles of folders"() {
    call("mkdir", at("folder"), 0o755);
    put("folder/a");
    const fd = open(at("folder"), O.RDONLY | O.DIRECTORY);
    call("rename", at("folder"), at("elsewhere"));
    call("mkdir", at("folder"), 0o755);
    say("openat after rename", typeof call("openat", fd, "a", O.RDONLY, 0) === "number");
    say("openat of none", call("openat", fd, "b", O.RDONLY, 0));
    say("unlinkat", call("unlinkat", fd, "a", 0), readdirSync(at("elsewhere")).join());
    say("rmdir", call("rmdir", at("elsewhere")), member(fd, "links"));
    say("create in a removed folder", call("openat", fd, "c", O.CREAT | O.RDWR, 0o644));
    say("fsync of a folder", call("fsync", open(base, O.RDONLY)));
    say("write to a folder", call("open", base, O.WRONLY, 0));
    say("read from a folder", call("read", open(base, O.RDONLY), Buffer.alloc(8), 8));
  },
  "open flags"() {
    const path = put("file", "text");
    say("exclusive", call("open", path, O.CREAT | O.EXCL | O.RDWR, 0o644));
    say("no such", call("open", at("none"), O.RDWR, 0));
    say("truncating", typeof call("open", path, O.RDWR | O.TRUNC, 0), member(path, "size"));
    say("folder wanted", call("open", path, O.RDONLY | O.DIRECTORY, 0));
    call("symlink", "file", at("link"));
    say("no link wanted", call("open", at("link"), O.RDONLY | O.NOFOLLOW, 0));
    say("through a link", open(at("link"), O.RDONLY) >= 0);
    say(
      "create through a dangling link",
      call("symlink", "target", at("dangling")),
      open(at("dangling"), O.CREAT | O.RDWR) >= 0,
    );
    say("made by it", readdirSync(base).toSorted().join());
    say("exclusive on a link", call("open", at("link"), O.CREAT | O.EXCL | O.RDWR, 0o644));
    say("mode and mask", open(at("masked"), O.CREAT | O.RDWR, 0o666) >= 0, member(at("masked"), "mode"));
    say("mode without rights", open(at("closed"), O.CREAT | O.RDWR, 0) >= 0, member(at("closed"), "mode"));
    say("sticky and set-id bits", open(at("setid"), O.CREAT | O.RDWR, 0o6755) >= 0, member(at("setid"), "mode"));
    const appending = open(path, O.WRONLY | O.APPEND);
    call("write", appending, text("one"), 3);
    writeFileSync(path, "xx", { flag: "a" });
    call("write", appending, text("two"), 3);
    say("append", readAll(path));
    say("pwrite on append", call("pwrite", appending, text("Z"), 1, 0), readAll(path));
    say("write on read only", call("write", open(path, O.RDONLY), text("x"), 1));
    say("read on write only", call("read", open(path, O.WRONLY), Buffer.alloc(1), 1));
    say("path only", call("read", open(path, O.PATH), Buffer.alloc(1), 1));
    say("trailing slash", call("open", `${path}/`, O.RDONLY, 0));
    const direct = open(path, O.RDWR | O.DIRECT);
    say("direct", direct >= 0);
    const page = call("mmap", null, 4096, 3, 0x22, -1, 0);
    say("direct write", typeof page === "number" && call("pwrite", direct, Buffer.alloc(0), 0, 0));
  },
};
