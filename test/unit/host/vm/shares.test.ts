/** Which folders a VM sees, under which tag and where, and which it cannot see. */
import { expect, test } from "bun:test";
import { answersIn, driverOf, type LookedAt, shareMistakes, sharesOf } from "../../../../src/host/vm/shares.ts";

const places = { tmp: "/tmp", home: "/home/ann/.qn" };

/** A folder that is there; `real` where it leads to when it is named by a link. */
function folder(path: string, more: Partial<LookedAt["share"]> & { real?: string } = {}): LookedAt {
  const { real = path, ...share } = more;
  return { share: { path, readOnly: false, ...share }, real };
}

const tmp = { path: "/tmp", readOnly: false, folder: "/run/qn/tmp" };

/** The second one of /tmp, behind so many devices. */
const again = (devices: number) => ({ again: { tag: `qn${devices}`, folder: "/run/qn/tmp-again" } });

test("/tmp is always shared, last and mounted aside; all others are at their own paths, with their own settings", () => {
  const looks = [folder("/home/ann"), folder("/opt/data", { readOnly: true, security: "mapped-xattr", cache: "none" })];
  expect(sharesOf(looks, places)).toEqual([
    { tag: "qn0", path: "/home/ann", readOnly: false, folder: "/home/ann" },
    {
      tag: "qn1",
      path: "/opt/data",
      readOnly: true,
      folder: "/opt/data",
      security: "mapped-xattr",
      cache: "none",
    },
    { tag: "qn2", ...tmp, ...again(3) },
  ]);
});

test("what lies in /tmp is in the share of /tmp already", () => {
  const looks = [folder("/tmp"), folder("/tmp/a"), folder("/srv")];
  expect(sharesOf(looks, places).map(({ tag, path }) => [tag, path])).toEqual([
    ["qn0", "/srv"],
    ["qn1", "/tmp"],
  ]);
});

test("a folder comes before what lies in it, in whatever order they are named", () => {
  const looks = [folder("/a/b/c"), folder("/srv"), folder("/a"), folder("/a/b")];
  expect(sharesOf(looks, places).map(({ path }) => path)).toEqual(["/srv", "/a", "/a/b", "/a/b/c", "/tmp"]);
});

test("a share that is named by a link is where the link leads to, and the link is told to the guest", () => {
  const looks = [
    folder("/home/ann", { real: "/data/ann" }),
    folder("/data/ann"),
    folder("/ann", { real: "/data/ann" }),
  ];
  expect(sharesOf(looks, places)).toEqual([
    { tag: "qn0", path: "/data/ann", folder: "/data/ann", readOnly: false, links: ["/home/ann", "/ann"] },
    { tag: "qn1", ...tmp, ...again(2) },
  ]);
});

test("with virtiofs all are served by it but what maps owners, and /tmp once, of which nothing is believed", () => {
  const looks = [folder("/home/ann"), folder("/srv", { security: "mapped-xattr" })];
  const seen = sharesOf(looks, { ...places, flake: folder("/etc/vm") }, "virtiofs");
  expect(seen.map(({ tag, path, driver, cache, again: second }) => [tag, path, driver, cache, second])).toEqual([
    ["qn0", "/srv", undefined, undefined, undefined],
    ["qn1", "/home/ann", "virtiofs", undefined, undefined],
    ["qn2", "/etc/vm", "virtiofs", undefined, undefined],
    ["qn3", "/tmp", "virtiofs", "none", undefined],
  ]);
});

test("sockets of containers answer in mounts that may be written to, and in all of /tmp where that is asked for", () => {
  const share = { tag: "qn0", path: "/home/ann", folder: "/home/ann", readOnly: false };
  const tmp = { ...share, path: "/tmp", folder: "/run/qn/tmp" };
  const all = [share, tmp, { ...share, readOnly: true }];
  expect(all.map((each) => answersIn(each, "mounts"))).toEqual([true, false, false]);
  expect(all.map((each) => answersIn(each, "all"))).toEqual([true, true, false]);
  expect(all.map((each) => answersIn(each, "none"))).toEqual([false, false, false]);
});

test("qn serves shares where it can unless told otherwise, and who asks for that where it cannot is told why", () => {
  const usable = { os: "linux", virtiofs: { usable: true } } as const;
  const unusable = { os: "linux", virtiofs: { usable: false, reason: "This QEMU cannot." } } as const;
  const settings = ["auto", "virtiofs", "qn", "9p"] as const;
  expect(settings.map((setting) => driverOf(setting, usable))).toEqual(["virtiofs", "virtiofs", "virtiofs", "9p"]);
  expect([driverOf("auto", unusable), driverOf("9p", unusable)]).toEqual(["9p", "9p"]);
  // Nobody has seen it on a Mac, who asks for it by name has it.
  const mac = { ...usable, os: "darwin" } as const;
  expect(settings.map((setting) => driverOf(setting, mac))).toEqual(["9p", "virtiofs", "virtiofs", "9p"]);
  for (const setting of ["virtiofs", "qn"] as const) {
    expect(() => driverOf(setting, unusable)).toThrow(
      `files.driver is "${setting}", which cannot be had here. This QEMU cannot.`,
    );
  }
});

test("on macOS /tmp is /private/tmp too", () => {
  const looks = [folder("/var/folders", { real: "/private/var/folders" }), folder("/private/tmp/x")];
  expect(sharesOf(looks, { tmp: "/private/tmp", home: "/Users/ann/.qn" })).toEqual([
    {
      tag: "qn0",
      path: "/private/var/folders",
      folder: "/private/var/folders",
      readOnly: false,
      links: ["/var/folders"],
    },
    { tag: "qn1", ...tmp, ...again(2), links: ["/private/tmp"] },
  ]);
});

test("folders where people keep their files can be shared, wherever they are", () => {
  const paths = [
    "/home",
    "/home/ann",
    "/root",
    "/opt",
    "/srv/x",
    "/mnt",
    "/Volumes",
    "/users",
    "/etcetera",
    "/var/www",
    "/var/home/ann",
    "/var/folders",
    "/var/mnt",
    "/var/srv",
    "/var/opt/x",
    "/var/tmp/x",
    "/usr/home",
    "/usr/src/linux",
    "/usr/local/src",
    "/run/media/ann/stick",
    "/tmp",
    "/tmp/x",
    "/home/ann/.qnx",
  ];
  expect(
    shareMistakes(
      paths.map((path) => folder(path)),
      places,
    ),
  ).toEqual([]);
});

test("the guest's own folders, what lies in them and the root are refused by name", () => {
  const paths = [
    "/",
    "/etc",
    "/etc/nginx",
    "/usr",
    "/usr/local",
    "/usr/src",
    "/var/opt",
    "/var/tmp",
    "/var/lib/qn",
    "/run/qn",
    "/run/user/1000",
    "/proc",
    "/dev/shm",
  ];
  expect(
    shareMistakes(
      paths.map((path) => folder(path)),
      places,
    ),
  ).toEqual([
    "mounts: / cannot be mounted, because / is the guest's own",
    "mounts: /etc cannot be mounted, because /etc is the guest's own",
    "mounts: /etc/nginx cannot be mounted, because /etc is the guest's own",
    "mounts: /usr cannot be mounted, because /usr is the guest's own",
    "mounts: /usr/local cannot be mounted, because /usr is the guest's own",
    "mounts: /usr/src cannot be mounted, because /usr is the guest's own",
    "mounts: /var/opt cannot be mounted, because /var is the guest's own",
    "mounts: /var/tmp cannot be mounted, because /var is the guest's own",
    "mounts: /var/lib/qn cannot be mounted, because /var is the guest's own",
    "mounts: /run/qn cannot be mounted, because /run is the guest's own",
    "mounts: /run/user/1000 cannot be mounted, because /run is the guest's own",
    "mounts: /proc cannot be mounted, because /proc is the guest's own",
    "mounts: /dev/shm cannot be mounted, because /dev is the guest's own",
  ]);
});

test("every other mistake is told at once too: links, QN_HOME, /tmp, the same folder twice, what is not there", () => {
  const looks: LookedAt[] = [
    folder("/home/ann/link", { real: "/etc/ssl" }),
    folder("/home/ann/.qn/default"),
    folder("/tmp/x", { readOnly: true }),
    folder("/srv"),
    folder("/s", { real: "/srv", readOnly: true }),
    folder("/v", { real: "/srv" }),
    { share: { path: "/nowhere", readOnly: false }, real: undefined, why: "there is no folder /nowhere" },
  ];
  expect(shareMistakes(looks, places)).toEqual([
    "mounts: /home/ann/link, which leads to /etc/ssl, cannot be mounted, because /etc is the guest's own",
    "mounts: /home/ann/.qn/default is in QN_HOME (/home/ann/.qn), which is never mounted",
    "mounts: /tmp/x is in /tmp, which is always mounted as a whole, to read and write",
    "mounts: /s, which leads to /srv, is the same folder as /srv, with other settings",
    "mounts: there is no folder /nowhere",
  ]);
});

test("without /tmp the guest sees nothing of it, and with a folder of it that folder at its own path", () => {
  const looks = [folder("/home/ann")];
  const seen = (ofTmp: "none" | LookedAt) => sharesOf(looks, { ...places, ofTmp });
  expect(seen("none")).toEqual([{ tag: "qn0", path: "/home/ann", readOnly: false, folder: "/home/ann" }]);
  expect(seen(folder("/tmp/work")).map((share) => [share.path, share.folder, share.again])).toEqual([
    ["/home/ann", "/home/ann", undefined],
    ["/tmp/work", "/tmp/work", undefined],
  ]);
});

test("where /tmp is not shared as a whole a mount in it is a mount as any other, with settings of its own", () => {
  const looks = [folder("/tmp/a", { readOnly: true })];
  expect(sharesOf(looks, { ...places, ofTmp: "none" })).toEqual([
    { tag: "qn0", path: "/tmp/a", readOnly: true, folder: "/tmp/a" },
  ]);
  expect(shareMistakes(looks, { ...places, ofTmp: "none" })).toEqual([]);
});

test("without /tmp it cannot be mounted as a whole by another setting, and its folder is one that is in it", () => {
  expect(shareMistakes([folder("/tmp")], { ...places, ofTmp: "none" })).toEqual([
    "mounts: /tmp cannot be mounted as a whole, because the guest has one itself; files.tmp: all shows what is in it",
  ]);
  const mistakes = (ofTmp: LookedAt) => shareMistakes([], { ...places, ofTmp });
  expect(mistakes(folder("/tmp/work"))).toEqual([]);
  expect(mistakes(folder("/tmp/work", { real: "/home/ann" }))).toEqual([
    "files.tmp: /tmp/work leads to /home/ann, which is not in /tmp",
  ]);
  expect(mistakes(folder("/tmp/.", { real: "/tmp" }))).toEqual([
    "files.tmp: /tmp/. leads to /tmp, which is not in /tmp",
  ]);
  expect(
    mistakes({ share: { path: "/tmp/x", readOnly: false }, real: undefined, why: "there is no folder /tmp/x" }),
  ).toEqual(["files.tmp: there is no folder /tmp/x"]);
});
