/** What a container must not reach: QEMU's monitor, the gate, Docker without its socket, and QN_HOME. */
import { expect } from "bun:test";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { lanePorts } from "../../../src/protocol/lane-ports.ts";
import { until } from "../../support/until.ts";
import type { Vm, VmTest } from "../../support/vm.ts";

/** Addresses of the guest and of the host, as containers see them, and what nobody there may have an ear for. */
const gateway = "172.17.0.1";
const guest = "10.0.2.15";
const host = "10.0.2.2";
const doors = [1021, 1022];

/** DNS, over TCP too: whoever is in the guest may ask. */
const names = 1023;
const dockerPorts = [2375, 2376];
const monitorPorts = [4444, 4445, 5555, 1234];

/** A kind of container that tries. */
const containers: Readonly<Record<string, readonly string[]>> = {
  "an ordinary container": [],
  "a container that may make packets of its own": ["--cap-add", "NET_RAW", "--cap-add", "NET_ADMIN"],
  "a container in the guest's own network": ["--network", "host"],
};

/** Those of `targets`, "address port", that a container gets a connection to. Tried at once, for a few seconds. */
async function reached(vm: Vm, options: readonly string[], targets: readonly string[]): Promise<string[]> {
  // timeout(1) ends a connection that stands; nc -w gives up on one that does not come about.
  const script = `
    try() { timeout 6 nc -w 3 $1 $2 </dev/null >/dev/null 2>&1; case $? in 0 | 124 | 143) echo "$1 $2" ;; esac; }
    for target in "$@"; do try $target & done; wait`;
  const output = await vm.docker("run", "--rm", ...options, "busybox", "sh", "-c", script, "sh", ...targets);
  return output
    .split("\n")
    .filter((line) => line !== "")
    .toSorted();
}

async function bootRecord(vm: Vm): Promise<{ secret: string; gatePort: number; sshPort: number }> {
  return (await Bun.file(join(vm.folder, "boot.json")).json()) as Awaited<ReturnType<typeof bootRecord>>;
}

/** On a VM whose QN_HOME lies in the home folder, which it shares. */
export function isolationTests(test: VmTest): void {
  test("no kind of container reaches gate, sshd, a monitor or Docker over TCP", async (vm) => {
    const server = ["httpd", "-f", "-p", "80", "-h", "/www"];
    const id = await vm.docker("run", "--detach", "--init", "busybox", ...server);
    const address = await vm.docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", id);
    // Without this one, "nothing is reached" would only say that trying does not work.
    const reachable = `${address} 80`;
    await until("the web server", 20_000, async () =>
      (await reached(vm, [], [reachable])).length === 1 ? true : undefined,
    );
    const { gatePort, sshPort } = await bootRecord(vm);
    const inGuest = [...doors, ...dockerPorts, ...monitorPorts];
    const targets = [
      ...[gateway, guest, "127.0.0.1"].flatMap((ip) => inGuest.map((port) => `${ip} ${port}`)),
      ...[...inGuest, gatePort, sshPort].map((port) => `${host} ${port}`),
      reachable,
    ];
    const tries = Object.entries(containers).map(async ([who, options]) => [who, await reached(vm, options, targets)]);
    const nothingElse = Object.keys(containers).map((who) => [who, [reachable]]);
    expect(Object.fromEntries(await Promise.all(tries))).toEqual(Object.fromEntries(nothingElse));
    await vm.docker("rm", "--force", id);
  });

  test("nothing but the gate, sshd and the agent's DNS listens in the guest", async (vm) => {
    const listening = await vm.docker("run", "--rm", "--network", "host", "busybox", "netstat", "-ltn");
    const ports = [...listening.matchAll(/^tcp\s+\d+\s+\d+\s+\S+:(\d+)\s/gm)].map(([, port]) => Number(port));
    expect([...new Set(ports)].toSorted((a, b) => a - b)).toEqual([...doors, names]);
  });

  test("QEMU has no monitor for the guest, and its only listeners on the host are the gate's and sshd's", async (vm) => {
    const names = "cat /sys/class/virtio-ports/*/name";
    const ports = await vm.docker("run", "--rm", "--privileged", "busybox", "sh", "-c", names);
    expect(ports.split("\n").toSorted()).toEqual(["qn.agent", ...lanePorts].toSorted());
    const { gatePort, sshPort } = await bootRecord(vm);
    const { qemu } = await vm.status();
    const listeners = await listenersOf(Number(qemu.pid));
    expect(listeners).toEqual([`127.0.0.1:${gatePort}`, `127.0.0.1:${sshPort}`].toSorted());
  });

  test("a privileged container cannot open a lane that the agent has", async (vm) => {
    const open = `for port in /dev/vport*; do sh -c ': <> $0' $port 2>&1; done`;
    const refusals = await vm.docker("run", "--rm", "--privileged", "busybox", "sh", "-c", `${open}; true`);
    expect(refusals.match(/resource busy/gi)).toHaveLength(lanePorts.length + 1);
  });

  test("the VM's sockets are the user's alone", async (vm) => {
    const names = (await readdir(vm.folder)).filter((name) => name.endsWith(".sock"));
    const modes = await Promise.all(names.map(async (name) => (await stat(join(vm.folder, name))).mode & 0o777));
    expect(names.length).toBeGreaterThan(lanePorts.length);
    expect(new Set(modes)).toEqual(new Set([0o600]));
    expect((await stat(vm.folder)).mode & 0o777).toBe(0o700);
  });

  test("the secret of the boot is for root in the guest only", async (vm) => {
    const { secret } = await bootRecord(vm);
    const search =
      "(cat /run/credentials/*/* /sys/firmware/dmi/entries/*/raw /sys/firmware/qemu_fw_cfg/by_name/*/*/*/raw; env; ps axeww) 2>/dev/null; true";
    const isIn = (seen: string): boolean => [secret, ...base64Of(secret)].some((text) => seen.includes(text));
    expect(isIn(await vm.succeed(asRoot(vm, search)))).toBe(true);
    expect(isIn(await vm.docker("run", "--rm", "busybox", "sh", "-c", search))).toBe(false);
    expect(isIn(await vm.qn("ssh", "--", "sh", "-c", search))).toBe(false);
    const knock = ["qn", "ssh", "--", "timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/1021"];
    expect((await vm.fail(knock)).exitCode).toBe(124);
  });

  test("QN_HOME is not visible in a container that mounts the home folder", async (vm) => {
    const inside = vm.home.replace(homedir(), "/home-of-user");
    const files = await vm.docker(
      "run",
      "--rm",
      "--volume",
      `${homedir()}:/home-of-user`,
      "busybox",
      "find",
      inside,
      "-type",
      "f",
    );
    expect(files).toBe("");
    const direct = await vm.docker(
      "run",
      "--rm",
      "--volume",
      `${vm.home}:/home-of-qn`,
      "busybox",
      "find",
      "/home-of-qn",
    );
    expect(direct.split("\n").toSorted()).toEqual([
      "/home-of-qn",
      "/home-of-qn/default",
      "/home-of-qn/default/docker.sock",
    ]);
  });

  test("the VM's own Docker socket can be given to a container by its path on the host", async (vm) => {
    const { socket } = (await vm.status()).docker;
    const mounted = ["--volume", `${socket}:/docker.sock`];
    expect(await vm.docker("run", "--rm", ...mounted, "busybox", "stat", "-c", "%F", "/docker.sock")).toBe("socket");
  });
}

// --- internal ---

function asRoot(vm: Vm, command: string): string[] {
  return ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command];
}

/** What stands in a base64 text for `text`, wherever it begins in the original: three ways, without the outer letters. */
function base64Of(text: string): string[] {
  return [0, 1, 2].map((before) =>
    Buffer.from(" ".repeat(before) + text)
      .toString("base64")
      .slice(4, -4),
  );
}

/** The addresses that a process listens on, TCP over IPv4 and IPv6: its sockets' numbers, looked up in the kernel's tables. */
async function listenersOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => "")));
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8")));
  const rows = tables.flatMap((table) => table.split("\n").map((line) => line.trim().split(/\s+/)));
  const isListening = "0A";
  return rows
    .filter((row) => row[3] === isListening && inodes.has(row[9] ?? ""))
    .map((row) => readable(row[1] ?? ""))
    .toSorted();
}

/** "0100007F:1F90" of /proc/net/tcp as "127.0.0.1:8080" (proc(5): hexadecimal, the address in the host's byte order). */
function readable(entry: string): string {
  const [address = "", port = ""] = entry.split(":");
  const bytes = address.length === 8 ? Buffer.from(address, "hex").toReversed().join(".") : address;
  return `${bytes}:${Number.parseInt(port, 16)}`;
}
