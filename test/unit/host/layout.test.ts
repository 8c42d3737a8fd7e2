/** Every path under QN_HOME, the names that VMs may have, and homes whose sockets would not fit. */
import { expect, test } from "bun:test";
import { isVmName, layoutOf, sshMasterSocket, type VmPaths } from "../../../src/host/layout.ts";
import { failureOf } from "../../support/failures.ts";

test("a home that is not UTF-8, or has a line end or another control character in it, is refused and shown as it is", async () => {
  // What is not UTF-8 in a variable comes with this letter in its place, and would be another folder.
  for (const home of ["/home/an\ufffd", "/home/a\nHost *", "/home/\u001b[2J", "/home/a\u0085"]) {
    expect(await failureOf(async () => layoutOf(home))).toEqual({
      code: "HOME_UNUSABLE",
      message: `QN_HOME is ${JSON.stringify(home)}: it must be UTF-8, without control characters.`,
    });
  }
});

test("a VM's files are in its own folder, its data outside of it", () => {
  const layout = layoutOf("/home/ann/.qn");
  const paths: VmPaths = {
    name: "web",
    folder: "/home/ann/.qn/web",
    version: "/home/ann/.qn/web/version",
    config: "/home/ann/.qn/web/config.yaml",
    commonConfig: "/home/ann/.qn/config.yaml",
    forwards: "/home/ann/.qn/web/forwards.json",
    lock: "/home/ann/.qn/web/lock",
    controlSocket: "/home/ann/.qn/web/control.sock",
    dockerSocket: "/home/ann/.qn/web/docker.sock",
    qmpSocket: "/home/ann/.qn/web/qmp.sock",
    mountSocket: "/home/ann/.qn/web/mount.sock",
    serialSocket: "/home/ann/.qn/web/serial.sock",
    words: "/home/ann/.qn/web/words.fifo",
    systemDisk: "/home/ann/.qn/web/system.qcow2",
    dataDisk: "/home/ann/.qn/_data/web.raw",
    volumes: "/home/ann/.qn/_data/web.disks",
    firmwareVars: "/home/ann/.qn/web/firmware-vars.fd",
    bootFile: "/home/ann/.qn/web/boot.json",
    portRange: "/home/ann/.qn/web/port-range.json",
    changesMark: "/home/ann/.qn/web/changes-mark",
    credentialFile: "/home/ann/.qn/web/boot.credential",
    sshKeyCredentialFile: "/home/ann/.qn/web/ssh-key.credential",
    lastFailure: "/home/ann/.qn/web/last-failure.json",
    suspended: "/home/ann/.qn/web/suspended.state",
    suspendSocket: "/home/ann/.qn/web/suspend.sock",
    memory: "/home/ann/.qn/web/memory",
    emptyFolder: "/home/ann/.qn/web/empty",
    sshKey: "/home/ann/.qn/web/id_ed25519",
    sshHostKey: "/home/ann/.qn/web/ssh_host_ed25519_key",
    builderKey: "/home/ann/.qn/web/builder_ed25519",
    builderSshConfig: "/home/ann/.qn/web/builder_ssh_config",
    sshKnownHosts: "/home/ann/.qn/web/known_hosts",
    sshConfig: "/home/ann/.qn/web/ssh_config",
    logs: {
      supervisor: "/home/ann/.qn/web/supervisor.log",
      qemu: "/home/ann/.qn/web/qemu.log",
      serial: "/home/ann/.qn/web/serial.log",
      agent: "/home/ann/.qn/web/agent.log",
      trace: "/home/ann/.qn/web/trace.log",
    },
  };
  expect(layout.vm("web")).toEqual(paths);
  expect([
    layout.home,
    layout.config,
    layout.images,
    layout.cache,
    layout.data,
    layout.sshConfig,
    layout.image("x", "aarch64"),
  ]).toEqual([
    "/home/ann/.qn",
    "/home/ann/.qn/config.yaml",
    "/home/ann/.qn/_images",
    "/home/ann/.qn/_cache",
    "/home/ann/.qn/_data",
    "/home/ann/.qn/ssh_config",
    "/home/ann/.qn/_images/x-aarch64",
  ]);
});

test("a throw-away VM is in a folder of its own, disks and all, and has the settings of all VMs", () => {
  const { folder, dataDisk, commonConfig, lock } = layoutOf("/home/ann/.qn").throwaway("r-1");
  expect([folder, dataDisk, commonConfig, lock]).toEqual([
    "/home/ann/.qn/_run/r-1/run",
    "/home/ann/.qn/_run/r-1/_data/run.raw",
    "/home/ann/.qn/config.yaml",
    "/home/ann/.qn/_run/r-1/run/lock",
  ]);
});

test("a home is the same with or without a slash at its end, and with dots in it", () => {
  for (const home of ["/home/ann/.qn/", "/home/ann/./.qn", "/home//bob/../ann/.qn//"]) {
    expect([layoutOf(home).home, layoutOf(home).vm("web")]).toEqual([
      "/home/ann/.qn",
      layoutOf("/home/ann/.qn").vm("web"),
    ]);
  }
});

test("names of VMs are lower-case host names that no folder of qn's own can have", () => {
  const names = [
    ["a", "default", "web-2", "a--b", "x".repeat(31)],
    ["", "A", "2web", "-web", "web-", "web_2", "_images", "we b", "..", "a/b", "a.b", "ž", "web\n", "x".repeat(32)],
  ].flat();
  expect(names.filter(isVmName)).toEqual(["a", "default", "web-2", "a--b", "x".repeat(31)]);
});

test("a name that no VM may have is a mistake on the command line", async () => {
  expect(await failureOf(() => layoutOf("/h").vm("../etc"))).toEqual({
    code: "USAGE",
    message: '"../etc" cannot be the name of a VM.',
  });
});

test("a home that is not absolute is refused", async () => {
  expect(await failureOf(() => layoutOf("qn"))).toEqual({
    code: "HOME_UNUSABLE",
    message: 'QN_HOME is "qn", which is not an absolute path.',
  });
});

/** A home in which the longest socket of the VM "web" has this many bytes. */
function homeFor(bytes: number, filling: string): string {
  const fixed = Buffer.byteLength("//web/control.sock");
  const size = Buffer.byteLength(filling);
  return `/${filling.repeat(Math.floor((bytes - fixed) / size))}${"x".repeat((bytes - fixed) % size)}`;
}

test("a socket path of 103 bytes fits, one of 104 does not", async () => {
  expect(Buffer.byteLength(layoutOf(homeFor(103, "h")).vm("web").controlSocket)).toBe(103);
  const home = homeFor(104, "h");
  expect(await failureOf(() => layoutOf(home).vm("web"))).toEqual({
    code: "HOME_UNUSABLE",
    message: `The socket path "${home}/web/control.sock" has 104 bytes; at most 103 fit into a Unix socket's address.`,
  });
});

test("a home in other letters than English ones counts by its bytes", async () => {
  const fitting = homeFor(103, "ů");
  expect([fitting.length < 60, layoutOf(fitting).vm("web").folder]).toEqual([true, `${fitting}/web`]);
  expect((await failureOf(() => layoutOf(homeFor(104, "ů")).vm("web"))).code).toBe("HOME_UNUSABLE");
});

test("the length of a VM's name counts too", async () => {
  const layout = layoutOf(homeFor(103, "h"));
  expect(layout.vm("web").name).toBe("web");
  expect((await failureOf(() => layout.vm("webs"))).code).toBe("HOME_UNUSABLE");
});

test("ssh shares connections where its socket fits with what ssh puts behind its name at first", () => {
  const socketOf = (homeBytes: number, login: "user" | "root") =>
    sshMasterSocket(layoutOf(`/${"h".repeat(homeBytes - 1)}`).vm("web"), login);
  // 103 bytes, less "/web/ssh.sock" and a dot with 16 letters.
  expect(socketOf(73, "user")).toEndWith("h/web/ssh.sock");
  expect(socketOf(74, "user")).toBeUndefined();
  expect(socketOf(68, "root")).toEndWith("h/web/ssh-root.sock");
  expect(socketOf(69, "root")).toBeUndefined();
});
