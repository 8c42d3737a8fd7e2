/** Published ports, as programs on the host see them. */
import { expect } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import { firstOwnPort } from "../../../src/system/low-ports.ts";
import { page } from "../../support/busybox.ts";
import { freePort, knock, until } from "../../support/until.ts";
import type { PortStatus, Vm, VmTest } from "../../support/vm.ts";

/** Runs a web server that publishes `publish`. */
async function serve(vm: Vm, name: string, publish: string): Promise<void> {
  const server = ["httpd", "-f", "-p", "80", "-h", "/www"];
  await vm.docker("run", "--detach", "--init", "--name", name, "--publish", publish, "busybox", ...server);
}

/** Who listens at once, without any waiting, on each loopback address. */
async function knocks(port: number): Promise<readonly string[]> {
  return [await knock("127.0.0.1", port), await knock("::1", port)];
}

/** The page. The port is open at once, but the server in the container may need a moment more. */
async function fetched(host: string, port: number, path = "/"): Promise<string> {
  return await until(`a page from ${host} port ${port}`, 20_000, async () => {
    const response = await fetch(`http://${host}:${port}${path}`, { signal: AbortSignal.timeout(20_000) }).catch(
      () => {},
    );
    return await response?.text();
  });
}

async function portsOf(vm: Vm, container: string): Promise<PortStatus[]> {
  const ports = JSON.parse(await vm.qn("ports", "--json")) as PortStatus[];
  return ports.filter((port) => port.container === container);
}

/** Published TCP ports on every kind of host address. */
export function portTests(test: VmTest): void {
  test("a port published on no address in particular answers on both loopback addresses, and at no other", async (vm) => {
    const port = await freePort();
    await serve(vm, "everywhere", `${port}:80`);
    expect(await knocks(port)).toEqual(["open", "open"]);
    const others = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    for (const { address, internal } of others) {
      if (internal || address.startsWith("fe80:")) continue;
      expect([address, await knock(address, port)]).toEqual([address, "ECONNREFUSED"]);
    }
    for (const host of ["127.0.0.1", "[::1]", "localhost"]) expect(await fetched(host, port)).toBe(page);
    expect(await portsOf(vm, "everywhere")).toEqual(
      ["127.0.0.1", "::1"].map((hostIp) =>
        expect.objectContaining({ protocol: "tcp", hostIp, hostPort: port, state: "open", error: null }),
      ),
    );
    expect(await vm.qn("ports")).toContain(`${port}`);
    // It is the container's for dockerd too, which would ask the host where nobody in the guest has a port.
    const pull = await vm.fail(["docker", "pull", `localhost:${port}/x`]);
    expect(pull.stderr).toContain("404 Not Found");
    await vm.docker("rm", "--force", "everywhere");
  });

  test("a port is closed when rm -f, stop or kill returns, and the next container can have it", async (vm) => {
    const port = await freePort();
    await serve(vm, "former", `${port}:80`);
    expect(await fetched("127.0.0.1", port)).toBe(page);
    await vm.docker("rm", "--force", "former");
    expect(await knocks(port)).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
    expect(await portsOf(vm, "former")).toEqual([]);
    await serve(vm, "latter", `${port}:80`);
    expect(await fetched("127.0.0.1", port)).toBe(page);
    await vm.docker("stop", "latter");
    expect(await knocks(port)).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
    await vm.docker("start", "latter");
    expect(await fetched("127.0.0.1", port)).toBe(page);
    await vm.docker("kill", "latter");
    expect(await knocks(port)).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
    await vm.docker("rm", "--force", "latter");
  });

  test("a port published on 127.0.0.1 answers there alone", async (vm) => {
    const port = await freePort();
    await serve(vm, "four", `127.0.0.1:${port}:80`);
    expect(await knocks(port)).toEqual(["open", "ECONNREFUSED"]);
    expect(await fetched("127.0.0.1", port)).toBe(page);
    await vm.docker("rm", "--force", "four");
  });

  test("a port published on ::1 answers there alone", async (vm) => {
    const port = await freePort();
    await serve(vm, "six", `[::1]:${port}:80`);
    expect(await knocks(port)).toEqual(["ECONNREFUSED", "open"]);
    expect(await fetched("[::1]", port)).toBe(page);
    await vm.docker("rm", "--force", "six");
  });

  test("a container's address is the guest's alone, and its server sees an address of the guest's", async (vm) => {
    const port = await freePort();
    const script = join(vm.inHome, "site/cgi-bin/client");
    await mkdir(dirname(script), { recursive: true });
    await writeFile(script, '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n$REMOTE_ADDR"\n', { mode: 0o755 });
    const options = ["--detach", "--init", "--name", "seen", "--publish", `127.0.0.1:${port}:80`];
    const volume = ["--volume", `${join(vm.inHome, "site")}:/www`];
    await vm.docker("run", ...options, ...volume, "busybox", "httpd", "-f", "-p", "80", "-h", "/www");
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}";
    const [address = "", gateway = ""] = (await vm.docker("inspect", "--format", format, "seen")).split(" ");
    // The server listens on IPv6 and IPv4 at once.
    expect(await fetched("127.0.0.1", port, "/cgi-bin/client")).toBe(`[::ffff:${gateway}]`);
    // Whatever answers there, if anything does, is none of the VM's.
    await Bun.write(join(vm.inHome, "site/page"), page);
    expect(await fetched("127.0.0.1", port, "/page")).toBe(page);
    const direct = await fetch(`http://${address}/page`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    expect(await direct?.text()).not.toBe(page);
    await vm.docker("rm", "--force", "seen");
  });

  test("a port below those that the user may listen on is an error with the command that allows it", async (vm) => {
    const first = await firstOwnPort();
    // Whoever may listen on all, such as root, has nothing to be told.
    if (first === 1) return;
    const refused = await vm.fail(["docker", "run", "--rm", "--publish", `${first - 1}:80`, "busybox", "true"]);
    expect(refused.stderr).toContain(`sudo sysctl net.ipv4.ip_unprivileged_port_start=${first - 1}`);
  });

  test("a port that is taken on the host is Docker's error, with its owner's name, and is free again later", async (vm) => {
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { port } = taken;
    const options = ["--detach", "--init", "--name", "late", "--publish", `127.0.0.1:${port}:80`];
    const refused = await vm.fail(["docker", "run", ...options, "busybox", "httpd", "-f", "-p", "80", "-h", "/www"]);
    expect(refused.exitCode).toBe(125);
    expect(refused.stderr).toContain(`Port ${port} on 127.0.0.1 is taken by `);
    expect(refused.stderr).toContain(`(pid ${process.pid}).`);
    taken.stop(true);
    await vm.docker("start", "late");
    expect(await fetched("127.0.0.1", port)).toBe(page);
    await vm.docker("rm", "--force", "late");
  });
}

/** What takes long: the long run has it. */
export function longPortTests(test: VmTest): void {
  test("a port that Docker chooses answers as well", async (vm) => {
    await serve(vm, "any", "127.0.0.1::80");
    const port = Number((await vm.docker("port", "any", "80")).split(":").at(-1));
    expect(await knocks(port)).toEqual(["open", "ECONNREFUSED"]);
    expect(await fetched("127.0.0.1", port)).toBe(page);
    await vm.docker("rm", "--force", "any");
  });

  test("an answer of 20 MB comes through a forward whole", async (vm) => {
    const port = await freePort();
    await serve(vm, "large", `127.0.0.1:${port}:80`);
    expect(await fetched("127.0.0.1", port)).toBe(page);
    await vm.docker("exec", "large", "dd", "if=/dev/urandom", "of=/www/large", "bs=1M", "count=20");
    const sum = await vm.docker("exec", "large", "sha256sum", "/www/large");
    const response = await fetch(`http://127.0.0.1:${port}/large`, { signal: AbortSignal.timeout(60_000) });
    const digest = new Bun.CryptoHasher("sha256").update(await response.arrayBuffer()).digest("hex");
    expect(sum).toBe(`${digest}  /www/large`);
    await vm.docker("rm", "--force", "large");
  });
}
