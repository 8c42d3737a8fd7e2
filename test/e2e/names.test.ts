/** Names and the way back: what containers and the guest resolve, how they reach the host, and the host's proxy. */
import { expect } from "bun:test";
import { mkdtemp, rename } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createTcpServer, type Server } from "node:net";
import { join } from "node:path";
import { type FakeDns, fakeDns } from "../support/fake-dns.ts";
import { page } from "../support/busybox.ts";
import { inGuest } from "../support/stand-in-nixos.ts";
import { freePort, knock, until } from "../support/until.ts";
import { bootVm, runPlain, testWithVm, type Vm } from "../support/vm.ts";
import { knownAuthority, registryTests } from "./names/registries.ts";

const hundred = Array.from({ length: 100 }, (_, index) => `192.0.2.${index + 1}`);
const networks = ["bridge", "own", "host"] as const;

/** The host's resolver and proxy, which are this file's own: the machine's stay as they are. */
const dns = await fakeDns({ "first.test": ["192.0.2.1"], "big.test": hundred });
const files = await mkdtemp("/tmp/qn-names-");
const proxy = await recordingProxy();
const env = {
  QN_RESOLV_CONF: join(files, "resolv.conf"),
  QN_HOSTS: join(files, "hosts"),
  HTTP_PROXY: `http://ann:secret@localhost:${proxy.port}`,
  https_proxy: `http://127.0.0.1:${proxy.port}`,
  NO_PROXY: "corp.test",
  QN_PORTS_LISTEN: "true",
  QN_DOCKER_CA_CERTIFICATES: knownAuthority,
};
await useServer(dns);
await Bun.write(env.QN_HOSTS, "127.0.0.1 localhost app.test\n192.0.2.44 nas.test\n");

const test = testWithVm(async () => {
  const vm = await bootVm({ env });
  await vm.docker("network", "create", "own");
  return vm;
});

/** The addresses that the C library finds in the guest, which asks again over TCP when an answer was cut. */
async function addressesInGuest(vm: Vm, name: string): Promise<string[]> {
  const output = await vm.qn("ssh", "--", "sh", "-c", `getent ahostsv4 ${name} || true`);
  return [...new Set([...output.matchAll(/^(\S+)\s+STREAM/gm)].map(([, address = ""]) => address))];
}

/** What the host knows, as nslookup has it: the C library's way crashes in a static program such as this busybox. */
const known = ["first.test 192.0.2.1", "nas.test 192.0.2.44", "app.test 10.0.2.2"];
const lookUp = `of() { nslookup -type=a $1 | sed -n 's/^Address: //p'; }
  for name in first.test nas.test app.test unknown.test; do of $name | sed "s/^/$name /"; done`;

for (const network of networks) {
  test(`in the network ${network} the host's names are known, no others, and its loopback is reached without flags`, async (vm) => {
    const server = createTcpServer((socket) => socket.end("from the host's loopback\n"));
    const port = await listenOnLoopback(server);
    const reach = `for name in host gateway; do nc -w 10 $(of $name.docker.internal) ${port} </dev/null; done`;
    const said = await vm.docker("run", "--rm", "--network", network, "busybox", "sh", "-c", `${lookUp}; ${reach}`);
    expect(said.split("\n")).toEqual([...known, "from the host's loopback", "from the host's loopback"]);
    server.close();
  });
}

for (const network of ["bridge", "own"] as const) {
  test(`in the network ${network} the gateway is the host, where neither the guest nor a published port has the port`, async (vm) => {
    const server = createTcpServer((socket) => socket.end("from the host's loopback\n"));
    const [port, own, closed] = [await listenOnLoopback(server), await freePort(), await freePort()];
    const page = ["sh", "-c", `while :; do echo from the guest | nc -l -p ${own}; done`];
    const id = await vm.docker("run", "--detach", "--init", "--network", "host", "busybox", ...page);
    const gateway = `$(ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p')`;
    const reach = [port, own, closed].map((each) => `nc -w 10 ${gateway} ${each} </dev/null 2>&1`).join("; ");
    const said = await until("the guest's own server", 30_000, async () => {
      const text = await vm.docker("run", "--rm", "--network", network, "busybox", "sh", "-c", `${reach}; true`);
      return text.includes("from the guest") ? text : undefined;
    });
    expect(said).toStartWith("from the host's loopback\nfrom the guest\n");
    expect(said).toContain("Connection refused");
    await vm.docker("rm", "--force", id);
    server.close();
  });
}

test("in a network that is internal the gateway is silent, and not the host", async (vm) => {
  const server = createTcpServer((socket) => socket.end("from the host's loopback\n"));
  const port = await listenOnLoopback(server);
  await vm.docker("network", "create", "--internal", "closed");
  // It has no way out by which busybox could ask: the gateway is the network's first address.
  const gateway = await vm.docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", "closed");
  const dial = `nc -w 3 ${gateway} ${port} </dev/null 2>&1; true`;
  const said = await vm.docker("run", "--rm", "--network", "closed", "busybox", "sh", "-c", dial);
  expect(said).toContain("timed out");
  await vm.docker("network", "rm", "closed");
  server.close();
});

registryTests(test);

test("a VPN's resolv.conf counts at once, in the guest and in a container that runs already", async (vm) => {
  await using vpn = await fakeDns({ "first.test": ["198.51.100.1"], "git.corp.test": ["198.51.100.2"] });
  const id = await vm.docker("run", "--detach", "--init", "--network", "own", "busybox", "sleep", "1000");
  const inside = async (name: string): Promise<string> =>
    await vm.docker("exec", id, "sh", "-c", `nslookup -type=a ${name} | grep ^Address: | tail -n 1`);
  expect(await inside("first.test")).toBe("Address: 192.0.2.1");
  await useServer(vpn);
  expect(await inside("first.test")).toBe("Address: 198.51.100.1");
  expect(await inside("git.corp.test")).toBe("Address: 198.51.100.2");
  expect(await addressesInGuest(vm, "git.corp.test")).toEqual(["198.51.100.2"]);
  await useServer(dns);
  await vm.docker("rm", "--force", id);
});

test("a container has the host's search list and options, those of now when it starts", async (vm) => {
  const said = async (network: string): Promise<string[]> => {
    const text = await vm.docker("run", "--rm", "--network", network, "busybox", "cat", "/etc/resolv.conf");
    return text.split("\n").filter((line) => /^(search|options) /.test(line));
  };
  await useServer(dns, "search corp.test lan\noptions ndots:2 attempts:3\n");
  await until("the search list", 30_000, async () => ((await said("bridge")).length > 0 ? true : undefined));
  expect(await said("bridge")).toEqual(["search corp.test lan", "options ndots:2 attempts:3"]);
  const [search, options] = await said("own");
  expect([search, options?.includes("attempts:3")]).toEqual(["search corp.test lan", true]);
  await useServer(dns);
  await until("no search list", 30_000, async () => ((await said("bridge")).length === 0 ? true : undefined));
});

test("an answer that is too long for a datagram comes whole, over TCP", async (vm) => {
  expect((await addressesInGuest(vm, "big.test")).toSorted()).toEqual(hundred.toSorted());
  expect(dns.asked).toContain("tcp big.test");
});

test("names go on while the supervisor is away, and when the agent has been killed", async (vm) => {
  const { supervisor } = await vm.status();
  process.kill(Number(supervisor.pid), "SIGKILL");
  // Only qn's way is gone: ssh is slirp's own.
  const own = ["ssh", "-F", join(vm.folder, "ssh_config"), "qn-default", "getent", "ahostsv4", "host.docker.internal"];
  expect(await vm.succeed(own)).toContain("10.0.2.2");
  await vm.qn("up");
  expect(await addressesInGuest(vm, "first.test")).toEqual(["192.0.2.1"]);
  await vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", "systemctl kill -s KILL qn-agent"]);
  const back = await until("names after the agent's death", 60_000, async () => {
    const found = await addressesInGuest(vm, "first.test");
    return found.length > 0 ? found : undefined;
  });
  expect(back).toEqual(["192.0.2.1"]);
});

test("a forward by hand leads to the guest itself at once, and stands in nobody's way unseen", async (vm) => {
  const port = await freePort();
  const server = ["httpd", "-f", "-p", "127.0.0.1:8099", "-h", "/www"];
  const id = await vm.docker(
    "run",
    "--detach",
    "--init",
    "--name",
    "listens",
    "--network",
    "host",
    "busybox",
    ...server,
  );
  await vm.qn("ports", "add", `${port}:8099`);
  const answer = await until("the guest's web server", 20_000, async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    return await response?.text();
  });
  expect(answer).toBe(page);
  const taken = await vm.fail(["docker", "run", "--rm", "--publish", `${port}:80`, "busybox", "true"]);
  expect(taken.stderr).toContain(`Port ${port} on 127.0.0.1 is taken by a forward made with \`qn ports add\`.`);
  expect(await vm.fail(["qn", "ports", "add", `${port}`])).toMatchObject({ exitCode: 40 });
  await vm.qn("ports", "rm", `${port}`);
  expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
  await vm.docker("rm", "--force", id);
});

test("the guest has the drivers of the network devices that containers and machines ask for", async (vm) => {
  const devices = [
    "bonding",
    "dummy",
    "ipvlan",
    "macvlan",
    "macvtap",
    "team",
    "tun",
    "veth",
    "vrf",
    "vxlan",
    "wireguard",
  ];
  await inGuest(vm.folder, `modprobe --dry-run --all ${devices.join(" ")}`);
});

test("udev starts no program for a container's cable, which is set as every interface is nevertheless", async (vm) => {
  const id = await vm.docker("run", "--detach", "--init", "busybox", "sleep", "1000");
  const programs = (link: string): string => `udevadm test --action=add ${link} 2>&1 | grep -c systemd-sysctl || true`;
  const [cable, bridge, filter] = (
    await inGuest(
      vm.folder,
      `set -- /sys/class/net/veth*; ${programs("$1")}; ${programs("/sys/class/net/docker0")}
       cat /proc/sys/net/ipv4/conf/\${1##*/}/rp_filter`,
    )
  ).split("\n");
  expect([cable, filter]).toEqual(["0", "1"]);
  // Without this one, there would be none because nobody has looked.
  expect(bridge).not.toBe("0");
  await vm.docker("rm", "--force", id);
});

test("with ports.listen a server in the guest's own network is forwarded while it listens", async (vm) => {
  const [open, own] = [await freePort(), await freePort()];
  // The last two are ports of the guest's own business, and never forwarded.
  const servers = [`${open}`, `127.0.0.1:${own}`, "67", "5353"].map((place) => `httpd -p ${place} -h /www`).join("; ");
  const command = ["sh", "-c", `${servers}; sleep 1000`];
  const id = await vm.docker("run", "--detach", "--init", "--network", "host", "--name", "own", "busybox", ...command);
  for (const port of [open, own]) {
    const answer = await until("the server's page", 30_000, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
      return await response?.text();
    });
    expect(answer).toBe(page);
  }
  const places = (await vm.status()).ports.map(
    ({ hostIp, hostPort, container }) => `${hostIp} ${hostPort} ${container}`,
  );
  const wanted = [`127.0.0.1 ${open} own`, `::1 ${open} own`, `127.0.0.1 ${own} own`];
  expect(places.filter((place) => place.endsWith(" own")).toSorted()).toEqual(wanted.toSorted());
  await vm.docker("rm", "--force", id);
  await until("the end of both forwards", 30_000, async () => {
    const now = await Promise.all([open, own].map((port) => knock("127.0.0.1", port)));
    return now.every((answer) => answer === "ECONNREFUSED") ? true : undefined;
  });
  // What the guest does for itself stays its own.
  expect((await vm.status()).ports).toEqual([]);
});

test("dockerd uses the host's proxy, seen from the guest, and nothing of qn does", async (vm) => {
  expect(proxy.asked).toEqual([]);
  const format = "{{.HTTPProxy}} {{.HTTPSProxy}} {{.NoProxy}}";
  const [http, https, direct] = (await vm.docker("info", "--format", format)).split(" ");
  // Docker hides the password itself.
  expect(http).toBe(`http://xxxxx:xxxxx@10.0.2.2:${proxy.port}`);
  expect(https).toBe(`http://10.0.2.2:${proxy.port}`);
  expect(direct).toMatch(/^corp\.test,localhost,.*host\.docker\.internal/);
  await vm.fail(["docker", "pull", "registry.test/nothing"]);
  expect(new Set(proxy.asked)).toEqual(new Set(["registry.test:443"]));
});

test("the proxy's password is on no command line, in no log, and not for everybody in the guest", async (vm) => {
  const processes = await vm.succeed(["ps", "axww", "-o", "args"]);
  expect(processes).not.toContain("ann:secret");
  const logs = await vm.succeed(["sh", "-c", `cat ${vm.folder}/*.log ${vm.folder}/boot.json`]);
  expect(logs).not.toContain("secret@");
  const asUser = "cat /run/qn/docker.env; cat /proc/$(pidof dockerd)/environ; id -u";
  const asRoot = ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", asUser];
  expect(await vm.succeed(asRoot)).toContain("ann:secret@10.0.2.2");
  const seen = await vm.docker(
    ...runPlain,
    "--rm",
    "--pid",
    "host",
    "--user",
    "1000",
    "busybox",
    "sh",
    "-c",
    "cat /proc/[0-9]*/environ 2>/dev/null; true",
  );
  expect(seen).not.toContain("ann:secret");
});

// --- internal ---

/** Puts another resolv.conf in the place of the host's, as a VPN does. */
async function useServer({ port }: FakeDns, more = ""): Promise<void> {
  await Bun.write(`${env.QN_RESOLV_CONF}.new`, `nameserver [127.0.0.1]:${port}\n${more}`);
  await rename(`${env.QN_RESOLV_CONF}.new`, env.QN_RESOLV_CONF);
}

async function listenOnLoopback(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A proxy that refuses everything and keeps what it was asked for. */
async function recordingProxy(): Promise<{ readonly port: number; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(502).end();
  });
  server.on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  return { port: await listenOnLoopback(server), asked };
}
