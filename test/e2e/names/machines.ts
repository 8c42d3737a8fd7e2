/** Machines of systemd-nspawn in the guest: what they publish, what they see of this machine, and `qn container`. */
import { expect } from "bun:test";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { page } from "../../support/busybox.ts";
import { inGuest } from "../../support/stand-in-nixos.ts";
import { freePort, knock, until } from "../../support/until.ts";
import type { Vm, VmTest } from "../../support/vm.ts";

/** A machine's root in the guest, of busybox's files, as Docker has them: systemd-nspawn takes nothing without a /usr. */
const rootAt = (path: string): string => `
  mkdir -p ${path}/usr
  docker create --name root busybox true >/dev/null && docker export root | tar -x -C ${path}
  docker rm root >/dev/null`;

/** What runs in a machine: it gives itself the address that forwards lead to, says so, and serves its pages. */
const init = (address: string, gateway: string): string =>
  `ip address add ${address}/30 dev host0; ip link set host0 up; ip route add default via ${gateway}; echo serves pages; exec httpd -f -p 80 -h /www`;

/** networkd gives the guest's end of a machine's network addresses of its own choice otherwise. */
const networkOf = (name: string, gateway: string): string => `
  mkdir -p /run/systemd/network
  printf '[Match]\\nName=ve-${name}\\n[Network]\\nAddress=${gateway}/30\\n' > /run/systemd/network/10-ve-${name}.network
  networkctl reload`;

/** The unit of NixOS' containers in short: what /etc/nixos-containers has of one, as words of systemd-nspawn. */
const nixosUnit = `[Service]
Type=notify
EnvironmentFile=/etc/nixos-containers/%i.conf
ExecStart=/bin/sh -c 'exec systemd-nspawn --keep-unit --quiet --machine=%i --directory=/var/lib/nixos-containers/%i \\
  --private-network --network-veth --port=$HOST_PORT --kill-signal=SIGKILL $EXTRA_NSPAWN_FLAGS /bin/sh -c "$INIT"'
`;

/** The page at a port of this machine, once it is there. */
const pageAt = (port: number): Promise<string> =>
  until(`the page at port ${port}`, 60_000, async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    return await response?.text();
  });

const isClosed = (port: number): Promise<boolean> =>
  until(`the end of port ${port}`, 30_000, async () =>
    (await knock("127.0.0.1", port)) === "ECONNREFUSED" ? true : undefined,
  );

const containers = async (vm: Vm): Promise<unknown> => JSON.parse(await vm.qn("container", "ls", "--json"));

/** Ports, `qn why` and `qn container` for machines that somebody started, and for those of NixOS. */
export function machineTests(test: VmTest): void {
  test("a port that systemd-nspawn publishes is forwarded while its machine runs", async (vm) => {
    const port = await freePort();
    const options = `--quiet --directory=/var/lib/machines/web --machine=web --network-veth --port=tcp:${port}:80`;
    const run = `systemd-run --quiet --unit=machine systemd-nspawn ${options} /bin/sh -c '${init("10.9.9.2", "10.9.9.1")}'`;
    await inGuest(vm.folder, [rootAt("/var/lib/machines/web"), networkOf("web", "10.9.9.1"), run].join("\n"));
    expect(await pageAt(port)).toBe(page);
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

  test("a container as NixOS declares it starts and stops, and a folder of this machine is in it", async (vm) => {
    const port = await freePort();
    const site = join(vm.inHome, "site");
    await mkdir(site);
    await Bun.write(join(site, "index.html"), "from this machine");
    const conf = [
      `HOST_PORT=tcp:${port}:80`,
      `EXTRA_NSPAWN_FLAGS=--bind=${site}:/www --bind-ro=${site}:/read-only`,
      `INIT=${init("10.231.0.2", "10.231.0.1")}`,
    ];
    const files = `mkdir -p /etc/nixos-containers
      printf '%s\n' ${conf.map((line) => `'${line}'`).join(" ")} > /etc/nixos-containers/site.conf
      cat > /etc/systemd/system/container@.service <<'END'\n${nixosUnit}END
      systemctl daemon-reload`;
    const root = rootAt("/var/lib/nixos-containers/site");
    await inGuest(vm.folder, [root, networkOf("site", "10.231.0.1"), files].join("\n"));
    expect(await containers(vm)).toContainEqual({ name: "site", state: "stopped", addresses: [] });

    await vm.qn("container", "start", "site");
    expect(await pageAt(port)).toBe("from this machine");
    expect(await containers(vm)).toContainEqual({
      name: "site",
      state: "running",
      addresses: expect.arrayContaining(["10.231.0.2"]),
    });
    expect(await vm.qn("container", "logs", "site")).toContain("serves pages");

    await Bun.write(join(site, "index.html"), "edited on this machine");
    expect(await pageAt(port)).toBe("edited on this machine");
    const inside = (script: string) => vm.fail(["qn", "container", "shell", "site", "--", "sh", "-c", script]);
    const said = await inside("echo from the container > /www/new; cat /read-only/new; echo > /read-only/no; exit 7");
    expect(said).toMatchObject({ exitCode: 7, stdout: "from the container\n" });
    expect(said.stderr).toContain("Read-only file system");
    expect(await Bun.file(join(site, "new")).text()).toBe("from the container\n");
    expect((await stat(join(site, "new"))).uid).toBe(process.getuid?.() ?? -1);

    await vm.qn("container", "stop", "site");
    await isClosed(port);
    await vm.qn("container", "start", "default/site");
    expect(await pageAt(port)).toBe("edited on this machine");
    await vm.qn("container", "stop", "default/site");
    expect(await containers(vm)).toContainEqual({ name: "site", state: "stopped", addresses: [] });
    const { exitCode, stderr } = await vm.fail(["qn", "container", "shell", "site"]);
    expect([exitCode, stderr]).toEqual([63, expect.stringContaining("The container does not run.")]);
    expect(stderr).not.toContain("qn-container");
  });
}
