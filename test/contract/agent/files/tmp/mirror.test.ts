/** Entries of the guest's /tmp that become the host's, with real bind mounts. Needs root on Linux; elsewhere a skip. */
import { expect, test } from "bun:test";
import { inNamespace, mayMount } from "../../../../support/namespace.ts";

const real = test.skipIf(!mayMount);

real("a folder and a file of the host are the guest's, both ways, and nothing else is", async () => {
  const outcomes = await inNamespace([
    { sh: "mkdir $host/a $host/b; echo one >$host/a/f; echo two >$host/file" },
    { mirror: "/a", createMissing: false },
    { mirror: "/file", createMissing: false },
    { sh: "cat $guest/a/f $guest/file; echo three >$guest/a/g; cat $host/a/g; ls $guest" },
  ]);
  expect(outcomes).toEqual(["", "", "", "one\ntwo\nthree\na\nfile"]);
});

real("a deep path mounts its first entry once, however often it is asked for", async () => {
  const mounts = { sh: "grep -c $guest /proc/self/mountinfo; ls $guest/a/b" };
  const outcomes = await inNamespace([
    { sh: "mkdir -p $host/a/b/c" },
    { mirror: "/a/b/c", createMissing: false },
    mounts,
    { mirror: "/a", createMissing: true },
    { mirror: "/a/b", createMissing: false },
    mounts,
  ]);
  expect(outcomes).toEqual(["", "", "1\nc", "", "", "1\nc"]);
});

real("what -v names and nobody has is made on the host, as Docker there would; --mount makes nothing", async () => {
  const outcomes = await inNamespace([
    { mirror: "/new/deep", createMissing: true },
    { mirror: "/other", createMissing: false },
    { sh: "find $host $guest -mindepth 1 | sed s,$host,host, | sed s,$guest,guest, | sort" },
  ]);
  expect(outcomes).toEqual(["", "", "guest/new\nguest/new/deep\nhost/new\nhost/new/deep"]);
});

real("an entry that the host has replaced is the new one, one that it has deleted is gone", async () => {
  const outcomes = await inNamespace([
    { sh: "mkdir $host/a; echo old >$host/a/f" },
    { mirror: "/a", createMissing: false },
    { sh: "rm -r $host/a; mkdir $host/a; echo new >$host/a/f" },
    { mirror: "/a", createMissing: false },
    { sh: "cat $guest/a/f; rm -r $host/a; echo now a file >$host/a" },
    { mirror: "/a", createMissing: false },
    { sh: "cat $guest/a; rm $host/a" },
    { mirror: "/a", createMissing: false },
    { sh: "ls $guest; grep -c $guest /proc/self/mountinfo" },
  ]);
  expect(outcomes).toEqual(["", "", "", "", "new", "", "now a file", "", "0 status 1"]);
});

real("a sweep takes away the mounts of what the host has deleted, and nothing else", async () => {
  const outcomes = await inNamespace([
    { sh: "mkdir $host/gone $host/kept $guest/own; echo f >$host/file; echo f >$host/gone-file" },
    { mirror: "/gone", createMissing: false },
    { mirror: "/kept", createMissing: false },
    { mirror: "/file", createMissing: false },
    { mirror: "/gone-file", createMissing: false },
    { sh: "rm -r $host/gone $host/gone-file; ls $guest | wc -l" },
    { sweep: true },
    { sh: "ls $guest; cat $guest/file; grep -c $guest /proc/self/mountinfo" },
  ]);
  expect(outcomes).toEqual(["", "", "", "", "", "5", "", "file\nkept\nown\nf\n2"]);
});

real("what only the guest has stays its own", async () => {
  const outcomes = await inNamespace([
    { sh: "mkdir $guest/own; echo mine >$guest/own/f" },
    { mirror: "/own", createMissing: false },
    { mirror: "/own/f", createMissing: false },
    { sh: "mkfifo $guest/pipe; ln -s own $guest/link; echo mine >$guest/file" },
    ...["/own", "/own/new", "/pipe", "/link", "/file"].map((mirror) => ({ mirror, createMissing: true })),
    { sh: "cat $guest/own/f $guest/file; test -p $guest/pipe && ls $host" },
  ]);
  expect(outcomes).toEqual(["", "", "", "", "", "", "", "", "", "mine\nmine"]);
});

real("what the guest made itself is never removed for what the host has under the same name", async () => {
  const outcomes = await inNamespace([
    { sh: "mkdir $host/text $host/pipe; echo content >$guest/text; mkfifo $guest/pipe" },
    { sh: "echo x | tee $host/full $host/waits; mkdir $guest/full; touch $guest/full/own; mkfifo $guest/waits" },
    ...["/text", "/pipe", "/full", "/waits"].map((mirror) => ({ mirror, createMissing: false })),
    { sh: "cat $guest/text; test -p $guest/pipe && test -p $guest/waits && echo pipes; ls $guest/full" },
  ]);
  const cannot = (name: string, kind: string): string =>
    `/guest/${name} of the host cannot be shown in the guest: the guest itself has made something there that is no ${kind}.`;
  expect(outcomes).toEqual([
    "",
    "x",
    cannot("text", "folder"),
    cannot("pipe", "folder"),
    cannot("full", "file"),
    cannot("waits", "file"),
    "content\npipes\nown",
  ]);
});

real("an empty mount point of another kind makes room", async () => {
  const outcomes = await inNamespace([
    { sh: "mkdir $host/a; touch $guest/a; mkdir $guest/f; echo file >$host/f" },
    { mirror: "/a", createMissing: false },
    { mirror: "/f", createMissing: false },
    { sh: "ls -d $guest/a/; cat $guest/f" },
  ]);
  expect(outcomes.map((text) => text.replace(/^\/.*guest/, "guest"))).toEqual(["", "", "", "guest/a/\nfile"]);
});

real("sockets and links of the host are left to the guest", async () => {
  const outcomes = await inNamespace([
    { sh: "mkfifo $host/pipe; ln -s /etc $host/link; ln -s nowhere $host/dangling" },
    { mirror: "/pipe", createMissing: true },
    { mirror: "/link", createMissing: true },
    { mirror: "/dangling", createMissing: true },
    { sh: "ls $guest" },
  ]);
  expect(outcomes).toEqual(["", "", "", "", ""]);
});

real("names with spaces, backslashes, line ends and other letters are names like all others", async () => {
  const name = "/a b\\c\nü 'q'";
  const outcomes = await inNamespace([
    { mirror: name, createMissing: true },
    { mirror: name, createMissing: true },
    { sh: "ls -1b $guest; grep -c $guest /proc/self/mountinfo" },
  ]);
  expect(outcomes).toEqual(["", "", "a\\ b\\\\c\\nü\\ 'q'\n1"]);
});

real(
  "the whole agent prepares what create and start are about to mount, by a link too, and what Docker starts by itself",
  async () => {
    const allow = '{"Allow":true}';
    const outcomes = await inNamespace([
      { sh: "mkdir $host/of-old $host/there; echo hi >$host/there/f" },
      { create: ["/there:/x:ro", "/missing:/y", "/../alias/linked:/z"] },
      { sh: "cat $guest/there/f; ls $host $guest | grep -v /" },
      { start: "nobody" },
      { start: "old" },
      { sh: "ls $guest; cat /run/qn/authorized_keys/root; stat -c %a /run/qn/ssh_host_ed25519_key" },
    ]);
    expect(outcomes).toEqual([
      "",
      allow,
      "hi\nlinked\nmissing\nof-always\nthere\n\nlinked\nmissing\nof-always\nof-old\nthere",
      allow,
      allow,
      "linked\nmissing\nof-always\nof-old\nthere\nssh-ed25519 AAAA\n600",
    ]);
  },
);

real("the user's part of daemon.json lies over the guest's own, once, and the guest's is not changed", async () => {
  const more = { dns: ["9.9.9.9"], "log-opts": { "max-size": "1m" } };
  const outcomes = await inNamespace([
    { daemon: more },
    { sh: `echo '{"userland-proxy":false,"log-opts":{"max-size":"20m","max-file":"3"}}' >$guest/daemon.json` },
    { daemon: {} },
    { sh: "grep -c $guest /proc/self/mounts" },
    { daemon: more },
    { daemon: more },
    { sh: "tr -d ' \\n' <$guest/daemon.json; grep -c $guest /proc/self/mounts" },
    { sh: "umount $guest/daemon.json; cat $guest/daemon.json" },
  ]);
  expect(outcomes).toEqual([
    "",
    "",
    "",
    "0 status 1",
    "",
    "",
    '{"userland-proxy":false,"log-opts":{"max-size":"1m","max-file":"3"},"dns":["9.9.9.9"]}1',
    '{"userland-proxy":false,"log-opts":{"max-size":"20m","max-file":"3"}}',
  ]);
});
