/** Two VMs on one machine: who gets a port that both want, `ports.bind: all` in one of them, and what one reaches of the other. */
import { expect } from "bun:test";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { busyboxArchive, page } from "../support/busybox.ts";
import { qnProgram } from "../support/program.ts";
import { freePort, knock, until } from "../support/until.ts";
import { bootArgs, bootVm, testWithVm, type Vm } from "../support/vm.ts";

const server = ["busybox", "httpd", "-f", "-p", "80", "-h", "/www"] as const;

/** The second VM is called "wide", and listens at every address of the machine. */
const test = testWithVm(async () => {
  const vm = await bootVm();
  const both: Vm = {
    ...vm,
    async [Symbol.asyncDispose]() {
      await vm.qn("delete", "wide", "--force", "--data").catch(() => {});
      await vm[Symbol.asyncDispose]();
    },
  };
  try {
    await vm.succeed(["env", "QN_PORTS_BIND=all", qnProgram, "up", "wide", ...bootArgs]);
    const archive = await busyboxArchive(join(vm.inTmp, "wide"));
    await inWide(vm, "import", "--change", "ENV PATH=/bin", archive, "busybox");
    return both;
  } catch (error) {
    await both[Symbol.asyncDispose]();
    throw error;
  }
});

function wide(vm: Vm, ...words: readonly string[]): readonly string[] {
  return ["docker", "--host", `unix://${join(vm.home, "wide/docker.sock")}`, ...words];
}

function inWide(vm: Vm, ...words: readonly string[]): Promise<string> {
  return vm.succeed(wide(vm, ...words));
}

async function fetched(host: string, port: number): Promise<string> {
  return await until(`a page from ${host} port ${port}`, 60_000, async () => {
    const response = await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(20_000) }).catch(() => {});
    return await response?.text();
  });
}

test("a port that one VM has is refused to the other by the VM's name, and is the other's once it is free", async (vm) => {
  const port = await freePort();
  await vm.docker("run", "--detach", "--init", "--name", "first", "--publish", `${port}:80`, ...server);
  expect(await fetched("127.0.0.1", port)).toBe(page);
  const run = await vm.fail(
    wide(vm, "run", "--detach", "--init", "--name", "second", "--publish", `${port}:80`, ...server),
  );
  expect([run.exitCode, run.stderr]).toEqual([125, expect.stringContaining(`is taken by the VM "default".`)]);
  expect(await inWide(vm, "ps", "--quiet")).toBe("");
  const { reasons } = JSON.parse(await vm.qn("why", `${port}`, "--json")) as { reasons: { text: string }[] };
  expect(reasons.map(({ text }) => text).join("\n")).toContain('the container "first" of the VM "default"');
  await vm.docker("rm", "--force", "first");
  await inWide(vm, "start", "second");
  expect(await fetched("127.0.0.1", port)).toBe(page);
  const back = await vm.fail(["docker", "run", "--rm", "--publish", `${port}:80`, ...server]);
  expect(back.stderr).toContain(`is taken by the VM "wide".`);
  await inWide(vm, "rm", "--force", "second");
  expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
});

test("no container reaches the other VM's gate or sshd through this machine's loopback", async (vm) => {
  const boot = (await Bun.file(join(vm.home, "wide/boot.json")).json()) as { gatePort: number; sshPort: number };
  // Without this one, "nothing is reached" would only say that trying does not work.
  using open = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const ports = [boot.gatePort, boot.sshPort, open.port];
  for (const port of ports) expect([port, await knock("127.0.0.1", port)]).toEqual([port, "open"]);
  const script = `for port; do timeout 20 nc -w 5 10.0.2.2 $port </dev/null >/dev/null 2>&1; [ $? = 1 ] || echo $port; done`;
  const tries = [[], ["--network", "host"], ["--privileged"]].map((options) =>
    vm.docker("run", "--rm", ...options, "busybox", "sh", "-c", script, "sh", ...ports.map(String)),
  );
  expect(await Promise.all(tries)).toEqual(Array(3).fill(`${open.port}`));
});

test("ports that Docker chooses are each VM's own", async (vm) => {
  await vm.docker("run", "--detach", "--init", "--name", "any", "--publish", "80", ...server);
  await inWide(vm, "run", "--detach", "--init", "--name", "any", "--publish", "80", ...server);
  const places = [await vm.docker("port", "any", "80"), await inWide(vm, "port", "any", "80")];
  const [one = 0, other = 0] = places.map((place) => Number(place.split("\n")[0]?.split(":").at(-1)));
  expect(one).not.toBe(other);
  expect([await fetched("127.0.0.1", one), await fetched("127.0.0.1", other)]).toEqual([page, page]);
  await vm.docker("rm", "--force", "any");
  await inWide(vm, "rm", "--force", "any");
});

test("with ports.bind all a port answers at every address of the machine, without it at loopback alone", async (vm) => {
  const own = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address, family }) => (family === "IPv6" ? `[${address}]` : address));
  const addresses = ["127.0.0.1", "127.0.0.2", "[::1]", ...own];
  const [everywhere, here, alone] = [await freePort(), await freePort(), await freePort()];
  await inWide(vm, "run", "--detach", "--init", "--name", "wide", "--publish", `${everywhere}:80`, ...server);
  for (const address of addresses) expect([address, await fetched(address, everywhere)]).toEqual([address, page]);
  // An address that is asked for stays the only one.
  await inWide(vm, "run", "--detach", "--init", "--name", "one", "--publish", `127.0.0.1:${alone}:80`, ...server);
  await vm.docker("run", "--detach", "--init", "--name", "here", "--publish", `${here}:80`, ...server);
  expect([await fetched("127.0.0.1", here), await fetched("127.0.0.1", alone)]).toEqual([page, page]);
  for (const address of ["127.0.0.2", ...own]) {
    const plain = address.replace(/[[\]]/g, "");
    expect([address, await knock(plain, here), await knock(plain, alone)]).toEqual([
      address,
      "ECONNREFUSED",
      "ECONNREFUSED",
    ]);
  }
  await inWide(vm, "rm", "--force", "wide", "one");
  await vm.docker("rm", "--force", "here");
  for (const address of addresses) expect(await knock(address.replace(/[[\]]/g, ""), everywhere)).toBe("ECONNREFUSED");
});
