/** Machines of systemd-nspawn in the guest: what they publish, and what `qn container` says of them. */
import { expect } from "bun:test";
import { page } from "../../support/busybox.ts";
import { containers, isClosed, pageFrom, pagesAt, rootAt } from "../../support/nspawn.ts";
import { inGuest } from "../../support/stand-in-nixos.ts";
import { freePort } from "../../support/until.ts";
import type { VmTest } from "../../support/vm.ts";

/** What runs in a machine with a network of its own, whose other end is the guest's. */
const init = (address: string, gateway: string): string => pagesAt("host0", `${address}/30`, gateway);

/** networkd gives the guest's end of a machine's network addresses of its own choice otherwise. */
const networkOf = (name: string, gateway: string): string => `
  mkdir -p /run/systemd/network
  printf '[Match]\\nName=ve-${name}\\n[Network]\\nAddress=${gateway}/30\\n' > /run/systemd/network/10-ve-${name}.network
  networkctl reload`;

/** Ports, `qn why` and `qn container` for machines that somebody started; those of NixOS are in test/long/containers. */
export function machineTests(test: VmTest): void {
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

  test("a port that systemd-nspawn publishes is forwarded while its machine runs", async (vm) => {
    const port = await freePort();
    const options = `--quiet --directory=/var/lib/machines/web --machine=web --network-veth --port=tcp:${port}:80`;
    const run = `systemd-run --quiet --unit=machine systemd-nspawn ${options} /bin/sh -c '${init("10.9.9.2", "10.9.9.1")}'`;
    await inGuest(vm.folder, [rootAt("/var/lib/machines/web"), networkOf("web", "10.9.9.1"), run].join("\n"));
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
}
