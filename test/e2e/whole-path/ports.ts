/** Published ports, as programs on the host see them. */
import { expect } from "bun:test";
import { page } from "../../support/busybox.ts";
import { freePort, knock, until } from "../../support/until.ts";
import type { PortStatus, Vm, VmTest } from "../../support/vm.ts";

/** How long a listener may take to appear after `docker run`, and to go after `docker rm`. */
const settleMs = 20_000;

/** Runs a web server that publishes `publish`, and waits until `address` is open. */
async function serve(vm: Vm, name: string, publish: string, address: readonly [string, number]): Promise<void> {
  const server = ["httpd", "-f", "-p", "80", "-h", "/www"];
  await vm.docker("run", "--detach", "--init", "--name", name, "--publish", publish, "busybox", ...server);
  await untilKnock(address, "open");
}

async function untilKnock([host, port]: readonly [string, number], answer: string): Promise<void> {
  await until(`${answer} at ${host} port ${port}`, settleMs, async () =>
    (await knock(host, port)) === answer ? true : undefined,
  );
}

async function fetched(host: string, port: number): Promise<string> {
  const response = await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(30_000) });
  return response.text();
}

async function portsOf(vm: Vm, container: string): Promise<PortStatus[]> {
  const ports = JSON.parse(await vm.qn("ports", "--json")) as PortStatus[];
  return ports.filter((port) => port.container === container);
}

/** Published TCP ports on every kind of host address. */
export function portTests(test: VmTest): void {
  test("a port published on no address in particular answers on both loopback addresses", async (vm) => {
    const port = await freePort();
    await serve(vm, "everywhere", `${port}:80`, ["127.0.0.1", port]);
    expect(await Promise.all(["127.0.0.1", "[::1]", "localhost"].map((host) => fetched(host, port)))).toEqual([
      page,
      page,
      page,
    ]);
    expect(await portsOf(vm, "everywhere")).toEqual(
      ["127.0.0.1", "::1"].map((hostIp) =>
        expect.objectContaining({ protocol: "tcp", hostIp, hostPort: port, state: "open", error: null }),
      ),
    );
    expect(await vm.qn("ports")).toContain(`${port}`);
    await vm.docker("rm", "--force", "everywhere");
  });

  test("a port is closed after rm -f, and the next container can have it", async (vm) => {
    const port = await freePort();
    await serve(vm, "former", `${port}:80`, ["127.0.0.1", port]);
    await vm.docker("rm", "--force", "former");
    await untilKnock(["127.0.0.1", port], "ECONNREFUSED");
    await untilKnock(["::1", port], "ECONNREFUSED");
    expect(await portsOf(vm, "former")).toEqual([]);
    await serve(vm, "latter", `${port}:80`, ["127.0.0.1", port]);
    expect(await fetched("127.0.0.1", port)).toBe(page);
    await vm.docker("rm", "--force", "latter");
  });

  test("a port published on 127.0.0.1 answers there alone", async (vm) => {
    const port = await freePort();
    await serve(vm, "four", `127.0.0.1:${port}:80`, ["127.0.0.1", port]);
    expect(await fetched("127.0.0.1", port)).toBe(page);
    expect(await knock("::1", port)).toBe("ECONNREFUSED");
    await vm.docker("rm", "--force", "four");
  });

  test("a port published on ::1 answers there alone", async (vm) => {
    const port = await freePort();
    await serve(vm, "six", `[::1]:${port}:80`, ["::1", port]);
    expect(await fetched("[::1]", port)).toBe(page);
    expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
    await vm.docker("rm", "--force", "six");
  });

  test("a port that is taken on the host is named in qn ports, and the container runs all the same", async (vm) => {
    using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { port } = taken;
    await vm.docker(
      "run",
      "--detach",
      "--init",
      "--name",
      "late",
      "--publish",
      `127.0.0.1:${port}:80`,
      "busybox",
      "sleep",
      "1000",
    );
    const [forward] = await until("the forward", settleMs, async () => {
      const ports = await portsOf(vm, "late");
      return ports.length > 0 ? ports : undefined;
    });
    expect(forward).toMatchObject({ hostIp: "127.0.0.1", hostPort: port, state: "failed" });
    expect(forward?.error).toContain("127.0.0.1");
    expect(forward?.error).toContain(`${port}`);
    expect(await vm.docker("inspect", "--format", "{{.State.Running}}", "late")).toBe("true");
    await vm.docker("rm", "--force", "late");
  });

  test("a request and its answer of 20 MB come through a forward whole", async (vm) => {
    const port = await freePort();
    await serve(vm, "large", `127.0.0.1:${port}:80`, ["127.0.0.1", port]);
    await vm.docker("exec", "large", "dd", "if=/dev/urandom", "of=/www/large", "bs=1M", "count=20");
    const sum = await vm.docker("exec", "large", "sha256sum", "/www/large");
    const response = await fetch(`http://127.0.0.1:${port}/large`, { signal: AbortSignal.timeout(60_000) });
    const digest = new Bun.CryptoHasher("sha256").update(await response.arrayBuffer()).digest("hex");
    expect(sum).toBe(`${digest}  /www/large`);
    await vm.docker("rm", "--force", "large");
  });
}
