/** Which bind sources are refused, and in which words. */
import { expect, test } from "bun:test";
import { type SharedWith, whyNot } from "../../../../src/agent/files/bind-sources.ts";

const boot: SharedWith = {
  vm: "default",
  home: "/home/ann/.qn",
  shares: [
    { tag: "qn0", path: "/home/ann", folder: "/home/ann", readOnly: false },
    { tag: "qn1", path: "/tmp", folder: "/run/qn/tmp", readOnly: false },
  ],
};

/** The sources among these that are refused. */
function refused(paths: readonly string[], isThere: boolean, changes: Partial<SharedWith> = {}): string[] {
  return paths.filter((path) => whyNot(path, { path, isThere }, { ...boot, ...changes }) !== undefined);
}

test("a path that no share covers is refused, whether or not the guest has such a folder, with the way to share it", () => {
  for (const isThere of [true, false]) {
    expect(whyNot("/opt/x", { path: "/opt/x", isThere }, boot)).toBe(
      '"/opt/x" is not mounted from the host. `qn down` and `qn up --mount /opt/x` mount it until the next start, ' +
        '"mounts" in /home/ann/.qn/default/config.yaml does so for good.',
    );
  }
  expect(whyNot("/opt/it's", { path: "/opt/it's", isThere: false }, { ...boot, vm: "blue" })).toBe(
    `"/opt/it's" is not mounted from the host. \`qn down blue\` and \`qn up blue --mount '/opt/it'\\''s'\` mount it until ` +
      'the next start, "mounts" in /home/ann/.qn/blue/config.yaml does so for good.',
  );
  const paths = [
    "/home",
    "/home/annie",
    "/home/bob/x",
    "/root",
    "/srv",
    "/mnt",
    "/data",
    "/var/tmp/x",
    "/var/home/ann/x",
    "/run/user/1000",
  ];
  expect(refused(paths, true)).toEqual(paths);
});

test("what is missing on a further disk is Docker's to make, and a disk that is not there is refused", () => {
  const path = "/var/lib/qn-disks/db/new/folder";
  const refusal = expect.stringContaining(`"${path}" is not there in the guest of qn.`);
  const verdicts = ["/var/lib/qn-disks/db", "/var/lib/qn-disks/db/new", "/var/lib/qn-disks", "/var/lib/qn"].map(
    (reached) => whyNot(path, { path, isThere: false, reached }, boot),
  );
  expect(verdicts).toEqual([undefined, undefined, refusal, refusal]);
});

test("in a folder of the guest's, what lies where people keep files is refused with the way to share it too", () => {
  const paths = [
    "/var/www/site",
    "/var/mnt",
    "/run/media/ann/stick",
    "/var/home/ann",
    "/usr/home/ann",
    "/var/folders/zz",
    "/var/srv",
    "/var/tmp/x",
    "/var/opt/x",
    "/usr/src/linux",
    "/usr/local/src",
  ];
  for (const path of paths) {
    expect(whyNot(path, { path, isThere: false }, boot)).toStartWith(
      `"${path}" is not mounted from the host. \`qn down\` and \`qn up --mount ${path}\` mount it until the next start, `,
    );
  }
});

test("a folder that only what lies in it can be shared of is refused with that, there or not", () => {
  const sentence = (path: string): string =>
    `"${path}" cannot be mounted from the host as a whole, because the guest has one itself: mount a folder in it.`;
  for (const path of ["/var/tmp", "/var/opt"]) {
    expect(whyNot(path, { path, isThere: true }, boot)).toBe(sentence(path));
    expect(whyNot(path, { path, isThere: false }, boot)).toBe(sentence(path));
  }
  expect(whyNot("/usr/src", { path: "/usr/src", isThere: false }, boot)).toBe(sentence("/usr/src"));
});

test("a folder of the host's users that no share can show is refused without a way that would not work", () => {
  const path = "/run/user/1000";
  const where =
    "It lies in a folder that the guest has itself, and so cannot be mounted from the host: keep it in another one. A socket there answers once files.sockets names it.";
  expect(whyNot(path, { path, isThere: true }, boot)).toBe(`"${path}" is not mounted from the host. ${where}`);
  expect(whyNot(path, { path, isThere: false }, boot)).toBe(`"${path}" is not there in the guest of qn. ${where}`);
});

test("a link is named with what it leads to", () => {
  expect(whyNot("/home/ann/data", { path: "/opt/data", isThere: false }, boot)).toStartWith(
    '"/home/ann/data" leads to "/opt/data", which is not mounted from the host. `qn down` and `qn up --mount /opt/data` ',
  );
});

test("what lies in a share passes, there or not: Docker knows what to do with it", () => {
  const paths = ["/home/ann", "/home/ann/x", "/tmp/x/y"];
  expect([refused(paths, true), refused(paths, false)]).toEqual([[], []]);
});

test("the whole of /tmp is refused, with the place where all of the host's is, unless the guest's will do", () => {
  expect(whyNot("/tmp", { path: "/tmp", isThere: true }, boot)).toBe(
    "\"/tmp\" as a whole is the guest's own: what is in it is the host's, one by one (/tmp/…), and /run/qn/tmp is all of " +
      "the host's /tmp.",
  );
  expect(refused(["/tmp"], true, { missing: "create" })).toEqual([]);
});

test("what popular images mount of the system is the guest's: cAdvisor, node-exporter, Portainer, kind, k3d, promtail", () => {
  const paths = [
    "/",
    "/proc",
    "/sys",
    "/sys/fs/cgroup",
    "/dev/disk",
    "/dev/kmsg",
    "/run",
    "/run/qn/tmp",
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/var/lib/docker",
    "/var/lib/docker/volumes",
    "/lib/modules",
    "/usr/src",
    "/usr/src/linux-headers-6.12",
    "/boot",
    "/var/log",
    "/etc/machine-id",
    "/etc/os-release",
    "/etc/passwd",
  ];
  expect(refused(paths, true)).toEqual([]);
  expect(refused(["/cgroup"], false)).toEqual([]);
});

test("what is not there in the guest's system is refused, because no share can bring it", () => {
  expect(whyNot("/etc/ours", { path: "/etc/ours", isThere: false }, boot)).toBe(
    '"/etc/ours" is not there in the guest of qn. It lies in a folder that the guest has itself, and so cannot be ' +
      "mounted from the host: keep it in another one.",
  );
});

test("what is in QN_HOME on the host is refused; its cover, with Docker's socket in it, passes", () => {
  const file = "/home/ann/.qn/default/boot.json";
  expect(whyNot(file, { path: file, isThere: false }, { ...boot, missing: "create" })).toBe(
    `"${file}" is in qn's own folder on the host, which the guest does not see: it has keys and disks in it.`,
  );
  expect(refused(["/home/ann/.qn", "/home/ann/.qn/default"], true)).toEqual([]);
  expect(
    whyNot("/home/ann/.qn/default/docker.sock", { path: "/run/docker.sock", isThere: true }, boot),
  ).toBeUndefined();
});

test("with `missing: create` Docker makes what is missing, as it always did", () => {
  expect(refused(["/opt/x", "/etc/ours", "/srv"], false, { missing: "create" })).toEqual([]);
});

test("a socket that the settings name passes wherever it lies, and the ssh agent's path says how to name it", () => {
  const path = "/run/user/1000/keyring/ssh";
  const sockets = [{ name: "ssh-agent", paths: ["/run/host-services/ssh-auth.sock", path] }];
  const all = [path, "/run/host-services/ssh-auth.sock", "/run/user/1000/keyring"];
  const refusals = all.map((source) => whyNot(source, { path: source, isThere: true }, { ...boot, sockets }));
  expect(refusals).toEqual([undefined, undefined, expect.stringContaining("is not mounted from the host")]);
  const [, agent = ""] = all;
  expect(whyNot(agent, { path: agent, isThere: false }, boot)).toBe(
    `"${agent}" is there once the settings have it: \`qn config set 'files.sockets=[ssh-agent]'\` and a restart of the VM let containers reach the ssh agent of the host.`,
  );
});
