/** Ports beyond the whole path's: what must not be reached, who is refused and why, every address, and many ports. */
import { expect } from "bun:test";
import { homedir, networkInterfaces } from "node:os";
import { join } from "node:path";
import { page } from "../support/busybox.ts";
import { freePort, knock, until } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";
import { isolationTests } from "./ports/isolation.ts";

/** Denied in this VM. */
const denied = 16_022;

/** QN_HOME lies where a user has it: in the home folder, which the VM shares. This guest starts by UEFI. */
const env = { QN_PORTS_DENY: `[${denied}, "16100-16110"]`, QN_BOOT: "uefi" };
const test = testWithVm(() => bootVm({ parent: homedir(), env }));

test("a guest whose settings ask for UEFI has started by it", async (vm) => {
  expect(await vm.qn("ssh", "--", "ls", "/sys/firmware")).toContain("efi");
});

const server = ["busybox", "httpd", "-f", "-p", "80", "-h", "/www"] as const;

/** Runs a web server with these options of `docker run`. */
async function serve(vm: Vm, name: string, ...options: readonly string[]): Promise<void> {
  await vm.docker("run", "--detach", "--init", "--name", name, ...options, ...server);
}

async function fetched(host: string, port: number): Promise<string> {
  return await until(`a page from ${host} port ${port}`, 60_000, async () => {
    const response = await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(20_000) }).catch(() => {});
    return await response?.text();
  });
}

/** The host port that Docker has chosen for port 80. */
async function chosenPort(vm: Vm, name: string): Promise<number> {
  const [line = ""] = (await vm.docker("port", name, "80")).split("\n");
  return Number(line.split(":").at(-1));
}

function listenAt(port: number, hostname = "127.0.0.1"): Disposable {
  const listener = Bun.listen({ hostname, port, socket: { data() {} } });
  return { [Symbol.dispose]: () => listener.stop(true) };
}

function asRoot(vm: Vm, command: string): string[] {
  return ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command];
}

type Slot = { readonly first: number; readonly last: number };

isolationTests(test);

test("Docker chooses from the VM's own ports, and none that the host has given to somebody else", async (vm) => {
  const { first, last } = (await Bun.file(join(vm.folder, "port-range.json")).json()) as Slot;
  expect(last - first).toBe(511);
  const range = "cat /proc/sys/net/ipv4/ip_local_port_range";
  expect((await vm.succeed(asRoot(vm, range))).split(/\s+/)).toEqual(["32768", "60999"]);
  using _one = listenAt(first);
  using _two = listenAt(first + 1, "::1");
  await serve(vm, "chosen", "--publish", "80");
  const port = await chosenPort(vm, "chosen");
  expect([port >= first + 2, port <= last]).toEqual([true, true]);
  expect(await fetched("127.0.0.1", port)).toBe(page);
  await vm.docker("rm", "--force", "chosen");
});

test("a port that ports.deny has is refused with the rule, and Docker chooses none from a range that it has", async (vm) => {
  for (const [port, rule] of [
    [denied, `${denied}`],
    [16_105, "16100-16110"],
  ] as const) {
    const run = await vm.fail(["docker", "run", "--rm", "--publish", `127.0.0.1:${port}:80`, ...server]);
    expect(run.exitCode).toBe(125);
    expect(run.stderr).toContain(`Port ${port} on 127.0.0.1 is not forwarded: ports.deny of this VM has ${rule}.`);
  }
  expect(await vm.docker("ps", "--quiet")).toBe("");
});

/** An address of this machine's other than loopback; without one nobody can ask for it. */
const own = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
const inNetwork = own === undefined ? testWithVm(undefined, { lacks: true }) : test;

inNetwork("an address of the host other than loopback is served there, and there alone", async (vm) => {
  const port = await freePort();
  await serve(vm, "lan", "--publish", `${own}:${port}:80`);
  expect([await knock(`${own}`, port), await knock("127.0.0.1", port)]).toEqual(["open", "ECONNREFUSED"]);
  expect(await fetched(`${own}`, port)).toBe(page);
  await vm.docker("rm", "--force", "lan");
});

test("an address that the host has not is refused, and so is a protocol that is not carried", async (vm) => {
  const port = await freePort();
  for (const nobody of ["10.0.2.15", "203.0.113.9"]) {
    const run = await vm.fail(["docker", "run", "--rm", "--publish", `${nobody}:${port}:80`, ...server]);
    expect(run.stderr).toContain(`Port ${port} on ${nobody} cannot be opened: this machine has no such address.`);
  }
  const sctp = await vm.fail(["docker", "run", "--rm", "--publish", `${port}:80/sctp`, ...server]);
  expect(sctp.stderr).toContain("SCTP cannot be forwarded");
});

test("a port published on every address of one family alone, or of both by name, is one forward on both loopback addresses", async (vm) => {
  for (const hosts of [["0.0.0.0"], ["[::]"], ["0.0.0.0", "[::]"]]) {
    const port = await freePort();
    await serve(vm, "every", ...hosts.flatMap((host) => ["--publish", `${host}:${port}:80`]));
    expect([hosts, await knock("127.0.0.1", port), await knock("::1", port)]).toEqual([hosts, "open", "open"]);
    for (const host of ["127.0.0.1", "[::1]"]) expect(await fetched(host, port)).toBe(page);
    const places = (await vm.status()).ports.filter(({ container }) => container === "every");
    expect(places.map(({ hostIp }) => hostIp).toSorted()).toEqual(["127.0.0.1", "::1"]);
    await vm.docker("rm", "--force", "every");
    expect([await knock("127.0.0.1", port), await knock("::1", port)]).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
  }
});

test("containers share a port on different addresses, and each is its own", async (vm) => {
  const port = await freePort();
  const places = { one: "127.0.0.1", two: "127.0.0.2", six: "[::1]" };
  for (const [name, host] of Object.entries(places)) {
    const script = `echo ${name} >/www/index.html; exec ${server.slice(1).join(" ")}`;
    const publish = ["--publish", `${host}:${port}:80`];
    await vm.docker("run", "--detach", "--init", "--name", name, ...publish, "busybox", "sh", "-c", script);
  }
  for (const [name, host] of Object.entries(places)) expect(await fetched(host, port)).toBe(`${name}\n`);
  await vm.docker("rm", "--force", ...Object.keys(places));
  expect(await knock("127.0.0.2", port)).toBe("ECONNREFUSED");
});

test("a range whose first port is taken is refused with the owner's name, as Docker tries no other", async (vm) => {
  using _taken = listenAt(17_100);
  const range = ["--publish", "127.0.0.1:17100-17110:80"];
  const refused = await vm.fail(["docker", "run", "--detach", "--name", "late", ...range, "busybox", "sleep", "1000"]);
  expect(refused.stderr).toContain("Port 17100 on 127.0.0.1 is taken by ");
  expect(await vm.docker("inspect", "--format", "{{.State.Running}}", "late")).toBe("false");
  await vm.docker("rm", "late");
});

test("of a range Docker takes one, a network that is left and joined keeps it, a restart too", async (vm) => {
  await serve(vm, "ranged", "--publish", "127.0.0.1:17000-17010:80");
  const port = await chosenPort(vm, "ranged");
  expect([port >= 17_000, port <= 17_010]).toEqual([true, true]);
  expect(await fetched("127.0.0.1", port)).toBe(page);
  await vm.docker("network", "create", "shop");
  await vm.docker("network", "disconnect", "bridge", "ranged");
  expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
  await vm.docker("network", "connect", "shop", "ranged");
  const inShop = await chosenPort(vm, "ranged");
  expect(await fetched("127.0.0.1", inShop)).toBe(page);
  await vm.docker("restart", "--time", "0", "ranged");
  expect(await fetched("127.0.0.1", await chosenPort(vm, "ranged"))).toBe(page);
  await vm.docker("rm", "--force", "ranged");
  await vm.docker("network", "rm", "shop");
});

test("10 ports of one range are all open when docker run returns, and all closed when rm does", async (vm) => {
  const first = 18_000;
  const ports = Array.from({ length: 10 }, (_, index) => first + index);
  const range = `${first}-${first + 9}`;
  await serve(vm, "many", "--publish", `127.0.0.1:${range}:${range}`);
  const knocks = await Promise.all(ports.map((port) => knock("127.0.0.1", port)));
  expect(new Set(knocks)).toEqual(new Set(["open"]));
  await vm.docker("rm", "--force", "many");
  const after = await Promise.all(ports.map((port) => knock("127.0.0.1", port)));
  expect(new Set(after)).toEqual(new Set(["ECONNREFUSED"]));
});

test("containers that die and come back by themselves keep their ports", async (vm) => {
  const port = await freePort();
  await serve(vm, "phoenix", "--restart", "always", "--publish", `127.0.0.1:${port}:80`);
  expect(await fetched("127.0.0.1", port)).toBe(page);
  const startedAt = (): Promise<string> => vm.docker("inspect", "--format", "{{.State.StartedAt}}", "phoenix");
  const before = await startedAt();
  // Detached, for killall may end with the container.
  await vm.docker("exec", "--detach", "phoenix", "killall", "httpd");
  await until("another start", 60_000, async () => ((await startedAt()) === before ? undefined : true));
  expect(await fetched("127.0.0.1", port)).toBe(page);
  await vm.docker("rm", "--force", "phoenix");
});

test("a server of a --network host container is forwarded by the container's name, and no other program of the guest", async (vm) => {
  const [port, other] = [await freePort(), await freePort()];
  // Whoever connects would start it; nobody does.
  await vm.succeed(asRoot(vm, `systemd-run --quiet systemd-socket-activate --listen=${other} true`));
  const listens = ["busybox", "httpd", "-f", "-p", `${port}`, "-h", "/www"];
  await vm.docker("run", "--detach", "--init", "--name", "dev", "--network", "host", ...listens);
  expect(await fetched("127.0.0.1", port)).toBe(page);
  expect((await vm.status()).ports.filter(({ hostPort }) => [port, other].includes(hostPort))).toMatchObject([
    { hostIp: "127.0.0.1", hostPort: port, container: "dev", state: "open" },
    { hostIp: "::1", hostPort: port, container: "dev", state: "open" },
  ]);
  await vm.docker("rm", "--force", "dev");
  await until("the end of the forward", 30_000, async () =>
    (await knock("127.0.0.1", port)) === "ECONNREFUSED" ? true : undefined,
  );
});

for (const [theirs, ours] of [
  ["::1", "127.0.0.1"],
  ["127.0.0.1", "::1"],
] as const) {
  test(`a port that the host has on ${theirs} alone is half a forward, which is said wherever one looks, and whole soon after it is free`, async (vm) => {
    const port = await freePort();
    const taken = listenAt(port, theirs);
    await using events = vm.converse(["qn", "events"]);
    const listens = ["busybox", "httpd", "-f", "-p", `${port}`, "-h", "/www"];
    await vm.docker("run", "--detach", "--init", "--name", "half", "--network", "host", ...listens);
    await until("half a forward", 30_000, async () => ((await knock(ours, port)) === "open" ? true : undefined));
    const half = `It is open on ${ours}, so "localhost" leads to the one or to the other.`;
    const [refused] = (await vm.status()).ports.filter(
      ({ hostIp, hostPort }) => hostIp === theirs && hostPort === port,
    );
    expect(refused?.error).toContain(half);
    for (const words of [["why", `${port}`], ["ports"]]) {
      expect((await vm.qn(...words)).replaceAll(/\s+/g, " ")).toContain(half);
    }
    while (!(await events.nextLine()).includes(`${half} "half" gets it as soon as it is free.`));
    taken[Symbol.dispose]();
    // Two seconds are promised, and held by a test of the supervisor alone; these runs share their processors with a guest.
    await until("the other half", 5_000, async () => ((await knock(theirs, port)) === "open" ? true : undefined));
    expect(await fetched(theirs === "::1" ? "[::1]" : theirs, port)).toBe(page);
    await vm.docker("rm", "--force", "half");
  });
}

test("a container that Docker brings up itself gets its port, which somebody took meanwhile, without another start", async (vm) => {
  const [port, folder] = [await freePort(), join(vm.inTmp, "crashes")];
  await Bun.write(join(folder, "page/index.html"), "back again\n");
  const script = "test -e /mnt/go && exec httpd -f -p 80 -h /mnt/page; exit 1";
  const options = ["--restart", "always", "--volume", `${folder}:/mnt`, "--publish", `127.0.0.1:${port}:80`];
  await vm.docker("run", "--detach", "--name", "crashes", ...options, "busybox", "sh", "-c", script);
  // Docker waits between its tries, and twice as long after each.
  const taken = await until("a moment without the container", 60_000, () => {
    try {
      return listenAt(port);
    } catch {
      return undefined;
    }
  });
  await Bun.write(join(folder, "go"), "");
  const isRefused = async (): Promise<true | undefined> =>
    (await vm.status()).ports.some(({ hostPort, error }) => hostPort === port && error?.includes("is taken by "))
      ? true
      : undefined;
  const startedAt = (): Promise<string> =>
    vm.docker("inspect", "--format", "{{.State.Running}} {{.State.StartedAt}}", "crashes");
  const before = await until("a start that lasts", 120_000, async () => {
    const state = await startedAt();
    return state.startsWith("true") && (await isRefused()) ? state : undefined;
  });
  taken[Symbol.dispose]();
  await until("the port", 5_000, async () => ((await knock("127.0.0.1", port)) === "open" ? true : undefined));
  expect(await fetched("127.0.0.1", port)).toBe("back again\n");
  expect(await startedAt()).toBe(before);
  await vm.docker("rm", "--force", "crashes");
});
