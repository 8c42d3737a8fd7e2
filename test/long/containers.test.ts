/** Machines of systemd-nspawn: one that somebody starts, and a container as NixOS declares it, by itself and with its guest. */
import { expect } from "bun:test";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { page } from "../support/busybox.ts";
import { containers, declareContainer, isClosed, makeRoot, pageFrom, pagesAt } from "../support/nspawn.ts";
import { inGuest } from "../support/stand-in-nixos.ts";
import { freePort, until } from "../support/until.ts";
import { testWithVm, type Vm } from "../support/vm.ts";

const test = testWithVm();

/** networkd gives the guest's end of a machine's network addresses of its own choice otherwise. */
const networkOf = (name: string, gateway: string): string => `
  mkdir -p /run/systemd/network
  printf '[Match]\\nName=ve-${name}\\n[Network]\\nAddress=${gateway}/30\\n' > /run/systemd/network/10-ve-${name}.network
  networkctl reload`;

test("a port that systemd-nspawn publishes is forwarded while its machine runs", async (vm) => {
  const port = await freePort();
  const options = `--quiet --directory=/var/lib/machines/web --machine=web --network-veth --port=tcp:${port}:80`;
  const run = `systemd-run --quiet --unit=machine systemd-nspawn ${options} /bin/sh -c '${pagesAt("host0", "10.9.9.2/30", "10.9.9.1")}'`;
  await makeRoot(vm, "/var/lib/machines/web");
  await inGuest(vm.folder, [networkOf("web", "10.9.9.1"), run].join("\n"));
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe(page);
  expect((await vm.status()).ports.filter(({ hostPort }) => hostPort === port)).toMatchObject([
    { hostIp: "127.0.0.1", container: "web", state: "open" },
    { hostIp: "::1", container: "web", state: "open" },
  ]);
  expect(await vm.qn("why", `${port}`)).toContain('the systemd-nspawn machine "web" of the VM "default"');
  expect(await containers(vm)).toEqual([
    { name: "web", state: "running", addresses: expect.arrayContaining(["10.9.9.2"]) },
  ]);
  expect(await vm.fail(["qn", "container", "stop", "shop"])).toMatchObject({ exitCode: 63 });
  await vm.qn("container", "stop", "web");
  await isClosed(port);
  expect(await containers(vm)).toEqual([{ name: "web", state: "stopped", addresses: [] }]);
});

/** `qn container logs --follow` goes on with what the machine says next, and leaves nothing in the guest when it is ended. */
async function followsLogs(vm: Vm, name: string): Promise<void> {
  await using logs = vm.converse(["qn", "container", "logs", name, "--follow"]);
  const heard = async (words: string): Promise<void> => {
    while (!(await logs.nextLine()).endsWith(words));
  };
  await heard("serves pages");
  await vm.qn("container", "shell", name, "--", "sh", "-c", "echo said later > /dev/console");
  await heard("said later");
  logs.kill("SIGTERM");
  expect(await logs.end()).toBe(0);
  await until("the end of journalctl in the guest", 30_000, async () =>
    (await inGuest(vm.folder, "pgrep -x journalctl || true")) === "" ? true : undefined,
  );
}

test("a container as NixOS declares it starts and stops, and a folder of this machine is in it", async (vm) => {
  const port = await freePort();
  const site = join(vm.inHome, "site");
  await mkdir(site);
  await Bun.write(join(site, "index.html"), "from this machine");
  const addresses = { hostAddress: "10.231.0.1", localAddress: "10.231.0.2" };
  const flags = ["--ephemeral", `--bind=${site}:/www`, `--bind-ro=${site}:/read-only`];
  await declareContainer(vm, { name: "site", ...addresses, hostPort: port, flags });
  // One that starts with the guest has to find the folder there.
  const after = await inGuest(vm.folder, "systemctl show --property=After --value container@site systemd-nspawn@web");
  expect(after.split("\n").filter((line) => / qn-agent\.service( |$)/.test(` ${line}`))).toHaveLength(2);
  expect(await containers(vm)).toContainEqual({ name: "site", state: "stopped", addresses: [] });

  await vm.qn("container", "start", "site");
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe("from this machine");
  expect(await containers(vm)).toContainEqual({
    name: "site",
    state: "running",
    addresses: expect.arrayContaining(["10.231.0.2"]),
  });
  expect(await vm.qn("container", "logs", "site")).toContain("serves pages");
  await followsLogs(vm, "site");

  await Bun.write(join(site, "index.html"), "edited on this machine");
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe("edited on this machine");
  const inside = (script: string) => vm.fail(["qn", "container", "shell", "site", "--", "sh", "-c", script]);
  const said = await inside(
    "echo from the container > /www/new; cat /read-only/new; echo > /own; echo > /read-only/no; exit 7",
  );
  expect(said).toMatchObject({ exitCode: 7, stdout: "from the container\n" });
  expect(said.stderr).toContain("Read-only file system");
  expect(await Bun.file(join(site, "new")).text()).toBe("from the container\n");
  expect((await stat(join(site, "new"))).uid).toBe(process.getuid?.() ?? -1);

  await vm.qn("container", "stop", "site");
  await isClosed(port);
  await vm.qn("container", "start", "default/site");
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe("edited on this machine");
  // It has no state of its own.
  expect(await inside("cat /www/new; ls /own")).toMatchObject({ exitCode: 1, stdout: "from the container\n" });
  await vm.qn("container", "stop", "default/site");
  expect(await containers(vm)).toContainEqual({ name: "site", state: "stopped", addresses: [] });
  const { exitCode, stderr } = await vm.fail(["qn", "container", "shell", "site"]);
  expect([exitCode, stderr]).toEqual([63, expect.stringContaining("The container does not run.")]);
  expect(stderr).not.toContain("qn-container");
});

test("a container starts with its guest, with a folder of this machine's and a port on it", async (vm) => {
  const port = await freePort();
  const site = join(vm.inHome, "site");
  await mkdir(site, { recursive: true });
  await Bun.write(join(site, "index.html"), "from this machine");
  const addresses = { hostAddress: "10.231.0.1", localAddress: "10.231.0.2" };
  await declareContainer(vm, { name: "site", ...addresses, hostPort: port, flags: [`--bind=${site}:/www`] });
  await inGuest(vm.folder, "systemctl --quiet enable container@site.service");
  await vm.qn("restart");
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe("from this machine");
  expect(await containers(vm)).toEqual([
    { name: "site", state: "running", addresses: expect.arrayContaining(["10.231.0.2"]) },
    { name: "web", state: "stopped", addresses: [] },
  ]);
  const restarts = await inGuest(vm.folder, "systemctl show --property=NRestarts --value container@site.service");
  expect(restarts).toBe("0");

  // A switch to another system may do that.
  await inGuest(vm.folder, "systemctl restart systemd-networkd && networkctl reload");
  expect(await inGuest(vm.folder, "ip -4 -brief address show dev ve-site")).toContain(" 10.231.0.1/32");
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe("from this machine");
});
