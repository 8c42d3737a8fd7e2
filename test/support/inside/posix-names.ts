/** Renames, folders, and files without names. A section for each, which says what the calls give. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "./posix-calls.ts";
import { at, base, isSame, member, O, open, put, readAll, readFd, say } from "./posix-tools.ts";

/** The sections by their names. */
export const names: Readonly<Record<string, () => void>> = {
  links() {
    const path = put("file", "linked");
    say("link", call("link", path, at("second")), member(path, "links"), isSame(path, at("second")));
    say("link over", call("link", path, at("second")));
    say("write through one", call("truncate", at("second"), 3), readAll(path));
    say("unlink one", call("unlink", path), member(at("second"), "links"), readAll(at("second")));
    say(
      "rename onto itself",
      call("link", at("second"), at("third")),
      call("rename", at("second"), at("third")),
      readdirSync(base).toSorted().join(),
    );
    say("link a folder", call("link", base, at("no")));
    say("link of none", call("link", at("none"), at("no")));
    call("symlink", "second", at("soft"));
    say(
      "link a link itself",
      call("linkat", -100, at("soft"), -100, at("soft2"), 0),
      member(at("soft2"), "mode"),
      isSame(at("soft"), at("soft2")),
    );
    say("link its target", call("linkat", -100, at("soft"), -100, at("hard"), 0x400), isSame(at("hard"), at("second")));
    const to = Buffer.alloc(300);
    say("readlink", call("readlink", at("soft"), to, 300), to.toString("latin1", 0, 6));
    say("readlink short", call("readlink", at("soft"), to, 3));
    say("readlink of a file", call("readlink", at("second"), to, 300));
    const long = `${"d/".repeat(2000)}x`;
    say(
      "a link of 4001 bytes",
      call("symlink", long, at("long")),
      member(at("long"), "size"),
      call("readlink", at("long"), Buffer.alloc(5000), 5000),
    );
    say("a link of 5000 bytes", call("symlink", "y".repeat(5000), at("longer")));
    say("an empty link", call("symlink", "", at("empty")));
    say("size of a link", member(at("soft"), "size"));
    say("a loop", call("symlink", "loop", at("loop")), call("open", at("loop"), O.RDONLY, 0));
    say("symlink over", call("symlink", "x", at("soft")));
    say(
      "through a folder's link",
      call("mkdir", at("real"), 0o755),
      call("symlink", "real", at("alias")),
      open(at("alias/in"), O.CREAT | O.RDWR) >= 0,
      readdirSync(at("real")).join(),
    );
    const open1 = open(at("hard"), O.RDONLY);
    for (const name of ["hard", "second", "third"]) call("unlink", at(name));
    say("no links left", member(open1, "links"), readFd(open1));
  },
  renames() {
    put("a", "A");
    put("b", "B");
    say("not over", call("renameat2", -100, at("a"), -100, at("b"), 1), readAll(at("b")));
    say("not over, free", call("renameat2", -100, at("a"), -100, at("c"), 1), readAll(at("c")));
    say("exchange", call("renameat2", -100, at("b"), -100, at("c"), 2), readAll(at("b")), readAll(at("c")));
    say("exchange with none", call("renameat2", -100, at("b"), -100, at("none"), 2));
    say("both flags", call("renameat2", -100, at("b"), -100, at("c"), 3));
    call("mkdir", at("d"), 0o755);
    call("mkdir", at("d/e"), 0o755);
    put("d/e/f", "F");
    say(
      "exchange file and folder",
      call("renameat2", -100, at("b"), -100, at("d"), 2),
      readAll(at("b/e/f")),
      readAll(at("d")),
    );
    say("a folder into itself", call("rename", at("b"), at("b/e/x")));
    say("a folder over a file", call("rename", at("b"), at("c")));
    say("a file over a folder", call("rename", at("c"), at("b")));
    call("mkdir", at("full"), 0o755);
    put("full/x");
    call("mkdir", at("empty"), 0o755);
    say("over a full folder", call("rename", at("empty"), at("full")));
    say("over an empty folder", call("rename", at("full"), at("empty")), readdirSync(at("empty")).join());
    say("of none", call("rename", at("none"), at("z")));
    say("into none", call("rename", at("c"), at("none/z")));
    say(
      "what lies in a moved folder",
      call("rename", at("b"), at("far")),
      readAll(at("far/e/f")),
      call("truncate", at("far/e/f"), 0),
    );
    say(
      "over an open file",
      (() => {
        const fd = open(put("target", "kept"), O.RDONLY);
        const source = put("source", "new");
        const status = call("rename", source, at("target"));
        return `${status} ${readFd(fd)} ${readAll(at("target"))} ${String(member(fd, "links"))}`;
      })(),
    );
    say(
      "a hundred times over",
      (() => {
        for (let round = 0; round < 100; round += 1) {
          const wrong =
            call("rename", put("next", `${round}`), at("current")) !== 0 || readAll(at("current")) !== `${round}`;
          if (wrong) return round;
        }
        return "well";
      })(),
    );
  },
  folders() {
    call("mkdir", at("many"), 0o755);
    for (let index = 0; index < 1500; index += 1) writeFileSync(at(`many/${"n".repeat(index % 90)}${index}`), "");
    say("1,500 names", readdirSync(at("many")).length, new Set(readdirSync(at("many"))).size);
    for (const name of readdirSync(at("many")).filter((_, index) => index % 2 === 0))
      call("unlink", at(`many/${name}`));
    say("half of them", readdirSync(at("many")).length);
    say("rmdir of a full one", call("rmdir", at("many")));
    say("rmdir of a file", call("rmdir", put("file")));
    say("unlink of a folder", call("unlink", at("many")));
    say("mkdir over", call("mkdir", at("many"), 0o755));
    say("mkdir below none", call("mkdir", at("none/x"), 0o755));
    say("mkdir below a file", call("mkdir", at("file/x"), 0o755));
    call("mkdir", at("three"), 0o755);
    for (const name of ["x", "y", "z"]) call("mkdir", at(`three/${name}`), 0o755);
    say("links of a folder", member(at("three"), "links"));
    say("dot-dot", isSame(at("three/.."), base), isSame(at("three/x/../.."), base));
    say("rmdir of dot", call("rmdir", at("three/.")));
    say("long name", call("mkdir", at("l".repeat(255)), 0o755), call("mkdir", at("l".repeat(256)), 0o755));
    say(
      "bytes of a name",
      call("mkdir", at("\u00e4 \n'\"\\\u{1f600}"), 0o755),
      readdirSync(base).includes("\u00e4 \n'\"\\\u{1f600}"),
    );
    say("case", (put("Case", "1"), put("case", "2"), readAll(at("Case"))), readAll(at("case")));
    let deep = base;
    for (let depth = 0; depth < 60; depth += 1) call("mkdir", (deep = join(deep, "deep")), 0o755);
    say("sixty deep", call("chdir", deep), open("here", O.CREAT | O.RDWR) >= 0, call("chdir", "/"));
    call("rename", at("deep"), at("moved"));
    say("after its top moved", readAll(deep.replace("/deep", "/moved") + "/here") === "");
    say(
      "types",
      readdirSync(base, { withFileTypes: true })
        .map((entry) => (entry.isDirectory() ? "d" : entry.isFile() ? "f" : "?"))
        .join(""),
    );
    say(
      "a folder that goes while it is read",
      (() => {
        call("chdir", at("three/x"));
        const status = call("rmdir", at("three/x"));
        const there = call("open", "new", O.CREAT | O.RDWR, 0o644);
        call("chdir", "/");
        return `${status} ${there}`;
      })(),
    );
  },
};
