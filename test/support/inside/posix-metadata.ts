/** Holes, times, modes, owners and links. A section for each, which says what the calls give. */
import { call, times } from "./posix-calls.ts";
import { at, base, member, O, open, put, readAll, readFd, say, text } from "./posix-tools.ts";

/** The sections by their names. */
export const metadata: Readonly<Record<string, () => void>> = {
  "reads and writes"() {
    const fd = open(at("file"), O.CREAT | O.RDWR);
    say("sparse write", call("pwrite", fd, text("end"), 3, 100_000), member(fd, "size"));
    say("zeroes before it", readFd(fd, 99_998, 10) === "\0\0end");
    say("past the end", readFd(fd, 200_000) === "");
    say("large", call("write", fd, Buffer.alloc(3_000_000, 97), 3_000_000), member(fd, "size"));
    say("back", readFd(fd, 2_999_999, 5));
    say("far", call("pwrite", fd, text("x"), 1, 2 ** 40), member(fd, "size"));
    say("beyond any", call("pwrite", fd, text("x"), 1, 2n ** 62n));
    say("negative", call("pread", fd, Buffer.alloc(1), 1, -1n));
    say("seek to end", call("lseek", fd, 0n, 2));
    say("seek before", call("lseek", fd, -1n, 0));
    say("truncate down", call("ftruncate", fd, 10), readFd(fd));
    say("truncate up", call("ftruncate", fd, 20), readFd(fd, 8).length, member(fd, "size"));
    say("truncate by path", call("truncate", at("file"), 5), member(fd, "size"));
    say("truncate negative", call("ftruncate", fd, -1n));
    say("truncate a folder", call("truncate", base, 0));
    say("truncate read only", call("ftruncate", open(at("file"), O.RDONLY), 0));
    say(
      "copy_file_range",
      call("copy_file_range", fd, null, open(at("copy"), O.CREAT | O.RDWR), null, 100, 0),
      readAll(at("copy")) === readAll(at("file")),
    );
    call("lseek", fd, 0n, 0);
    say(
      "copy_file_range from the start",
      call("copy_file_range", fd, null, open(at("copy"), O.RDWR), null, 100, 0),
      readAll(at("copy")) === readAll(at("file")),
    );
    call("lseek", fd, 0n, 0);
    say(
      "sendfile",
      call("sendfile", open(at("sent"), O.CREAT | O.RDWR), fd, null, 100),
      readAll(at("sent")) === readAll(at("file")),
    );
    say("fdatasync", call("fdatasync", fd));
    say("syncfs", call("syncfs", fd));
    const first = open(at("file"), O.RDWR);
    call("pwrite", first, text("SEEN"), 4, 0);
    say("another handle sees it", readFd(fd, 0, 4));
  },
  holes() {
    const fd = open(at("holes"), O.CREAT | O.RDWR);
    call("pwrite", fd, Buffer.alloc(65_536, 1), 65_536, 1_048_576);
    say("first data", call("lseek", fd, 0n, 3));
    say("first hole", call("lseek", fd, 1_048_576n, 4));
    say("hole at the start", call("lseek", fd, 0n, 4));
    say("data beyond the end", call("lseek", fd, 9_000_000n, 3));
    say("blocks", member(fd, "blocks"));
    say("fallocate", call("fallocate", fd, 0, 2_097_152, 65_536), member(fd, "size"), member(fd, "blocks"));
    say("keep size", call("fallocate", fd, 1, 4_194_304, 65_536), member(fd, "size"));
    say("punch", call("fallocate", fd, 3, 1_048_576, 65_536), call("lseek", fd, 0n, 3));
    say("punch alone", call("fallocate", fd, 2, 0, 4096));
    say("zero range", call("fallocate", fd, 0x10, 2_097_152, 4096), readFd(fd, 2_097_152, 2) === "\0\0");
    say("collapse", call("fallocate", fd, 8, 0, 4096));
    say("insert", call("fallocate", fd, 0x20, 0, 4096));
    say("posix_fallocate", call("posix_fallocate", fd, 0, 10_000_000), member(fd, "size"));
    say("zero length", call("fallocate", fd, 0, 0, 0));
    say("read only", call("fallocate", open(at("holes"), O.RDONLY), 0, 0, 10));
  },
  times() {
    const path = put("file");
    say(
      "nanoseconds",
      call("utimensat", -100, path, times([1_000_000_000n, 123_456_789n], [1_500_000_000n, 987_654_321n]), 0),
      member(path, "accessed"),
      member(path, "modified"),
    );
    say(
      "omit",
      call("utimensat", -100, path, times([0n, 0x3ffffffen], [7n, 9n]), 0),
      member(path, "accessed"),
      member(path, "modified"),
    );
    say(
      "before 1970",
      call("utimensat", -100, path, times([-5n, 1n], [-6n, 2n]), 0),
      member(path, "accessed"),
      member(path, "modified"),
    );
    say(
      "after 2038",
      call("utimensat", -100, path, times([5_000_000_000n, 1n], [6_000_000_000n, 2n]), 0),
      member(path, "modified"),
    );
    say("nonsense", call("utimensat", -100, path, times([0n, 2_000_000_000n], [0n, 0n]), 0));
    const before = BigInt(Date.now() - 60_000) * 1_000_000n;
    say(
      "now",
      call("utimensat", -100, path, times([0n, 0x3fffffffn], [0n, 0x3fffffffn]), 0),
      (member(path, "modified") as bigint) > before,
    );
    call("utimensat", -100, path, times([1n, 0n], [1n, 0n]), 0);
    say("a write sets them", call("truncate", path, 2), (member(path, "modified") as bigint) > before);
    call("symlink", "file", at("link"));
    say(
      "of a link itself",
      call("utimensat", -100, at("link"), times([3n, 4n], [5n, 6n]), 0x100),
      member(at("link"), "modified"),
    );
    say("not of its target", (member(path, "modified") as bigint) > before);
    call("mkdir", at("folder"), 0o755);
    call("utimensat", -100, at("folder"), times([1n, 0n], [1n, 0n]), 0);
    put("folder/x");
    say("of a folder by a new name", (member(at("folder"), "modified") as bigint) > before);
    call("utimensat", -100, at("folder"), times([1n, 0n], [1n, 0n]), 0);
    call("unlink", at("folder/x"));
    say("by one that goes", (member(at("folder"), "modified") as bigint) > before);
    const changed = member(path, "changed");
    call("chmod", path, 0o600);
    say("change time by chmod", (member(path, "changed") as bigint) >= (changed as bigint));
  },
  "modes and owners"() {
    const path = put("file");
    for (const mode of [0, 0o777, 0o4755, 0o2755, 0o1644, 0o7777])
      say(`chmod ${mode.toString(8)}`, call("chmod", path, mode), member(path, "mode"));
    call("chmod", path, 0o6755);
    say("a write takes set-id away", call("pwrite", open(path, O.RDWR), text("x"), 1, 0));
    say("chown", call("chown", path, 1234, 5678), member(path, "uid"), member(path, "gid"));
    say("chown the group only", call("chown", path, 0xffffffff, 99), member(path, "uid"), member(path, "gid"));
    call("chmod", path, 0o6755);
    say("chown takes set-id away", call("chown", path, 1, 1), member(path, "mode"));
    say("chmod of none", call("chmod", at("none"), 0o644));
    call("symlink", "file", at("link"));
    say("chown of a link itself", call("lchown", at("link"), 77, 78), member(at("link"), "uid"), member(path, "uid"));
    call("mkdir", at("setgid"), 0o755);
    call("chown", at("setgid"), 0, 4242);
    call("chmod", at("setgid"), 0o2755);
    put("setgid/file");
    call("mkdir", at("setgid/folder"), 0o755);
    say(
      "a group handed down",
      member(at("setgid/file"), "gid"),
      member(at("setgid/folder"), "gid"),
      member(at("setgid/folder"), "mode"),
    );
    say("mkdir with a sticky bit", call("mkdir", at("sticky"), 0o1777), member(at("sticky"), "mode"));
    call("umask", 0);
    say("mkdir without mask", call("mkdir", at("open"), 0o777), member(at("open"), "mode"));
    call("umask", 0o022);
    say("access", call("access", path, 4), call("access", at("none"), 0));
  },
};
