/** Machines of systemd-nspawn in a guest, made of busybox's files: what tests start, and what `qn container` says of them. */
import { inGuest } from "./stand-in-nixos.ts";
import { knock, until } from "./until.ts";
import type { Vm } from "./vm.ts";

/** Makes a machine's root in the guest, of busybox's files: systemd-nspawn takes nothing without a /usr. */
export async function makeRoot(vm: Vm, path: string): Promise<void> {
  await inGuest(vm.folder, `rm -rf ${path}; mkdir -p ${path}/usr`);
  // The guest has no docker command.
  await vm.docker(
    "run",
    "--rm",
    "--volume",
    `${path}:/to`,
    "busybox",
    "cp",
    "-a",
    "/bin",
    "/etc",
    "/tmp",
    "/www",
    "/to",
  );
}

const serving = "echo serves pages; exec httpd -f -p 80 -h /www";

/** What runs in a machine: it gives its device an address, and a way out if there is one, says so, and serves its pages. */
export const pagesAt = (device: string, address: string, gateway?: string): string =>
  [
    `ip address add ${address} dev ${device}; ip link set ${device} up`,
    ...(gateway === undefined ? [] : [`ip route add default via ${gateway}`]),
    serving,
  ].join("; ");

/** What a URL answers, once it does. */
export const pageFrom = (url: string): Promise<string> =>
  until(`the page at ${url}`, 60_000, async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    return await response?.text();
  });

/** Waits until nobody listens at a port of this machine's any more. */
export const isClosed = (port: number): Promise<boolean> =>
  until(`the end of port ${port}`, 30_000, async () =>
    (await knock("127.0.0.1", port)) === "ECONNREFUSED" ? true : undefined,
  );

/** What `qn container ls` says, without the version that each object has. */
export const containers = async (vm: Vm): Promise<readonly object[]> => {
  const listed = JSON.parse(await vm.qn("container", "ls", "--json")) as readonly { readonly schema: number }[];
  return listed.map(({ schema, ...container }) => (schema === 1 ? container : { schema }));
};

/** A container of NixOS' in short: its addresses as NixOS' options have them, its port on the guest, and more words of systemd-nspawn. */
type NixosContainer = {
  readonly name: string;
  readonly hostAddress: string;
  readonly localAddress: string;
  readonly hostPort: number;
  readonly flags: readonly string[];
};

/** What NixOS makes of `containers.<name>`, `privateNetwork` and `forwardPorts`: its unit does the same, and lets networkd alone. */
const nixosUnit = `[Unit]
After=network.target
[Service]
Type=notify
Slice=machine.slice
Delegate=yes
EnvironmentFile=/etc/nixos-containers/%i.conf
ExecStart=/bin/sh -c 'exec systemd-nspawn --keep-unit --quiet --machine=%i --directory=/var/lib/nixos-containers/%i \\
  --private-network --network-veth --port=$HOST_PORT --kill-signal=SIGKILL $EXTRA_NSPAWN_FLAGS /bin/sh -c "$INIT"'
ExecStartPost=/bin/sh -c 'ip link set dev ve-%i up; ip address add $HOST_ADDRESS dev ve-%i; ip route add $LOCAL_ADDRESS dev ve-%i'
[Install]
WantedBy=multi-user.target
`;

/** The module's words to networkd, which has a file of its own for such devices, and gives them addresses of its own choice. */
export const leftAlone = (names: readonly string[]): string =>
  `[Match]\nName=${names.map((name) => `ve-${name}`).join(" ")}\n\n[Link]\nUnmanaged=yes\n`;

/** Declares a container in the guest, as NixOS and its module of qn's have it. */
export async function declareContainer(vm: Vm, container: NixosContainer): Promise<void> {
  const { name, hostAddress, localAddress, hostPort, flags } = container;
  const init = [
    `ip link set host0 up; ip address add ${localAddress} dev host0`,
    `ip route add ${hostAddress} dev host0; ip route add default via ${hostAddress}; ${serving}`,
  ].join("; ");
  const settings = [
    `HOST_PORT=tcp:${hostPort}:80`,
    `HOST_ADDRESS=${hostAddress}`,
    `LOCAL_ADDRESS=${localAddress}`,
    `EXTRA_NSPAWN_FLAGS=${flags.join(" ")}`,
    `INIT=${init}`,
  ];
  await makeRoot(vm, `/var/lib/nixos-containers/${name}`);
  await inGuest(
    vm.folder,
    `mkdir -p /etc/nixos-containers
    printf '%s\\n' ${settings.map((line) => `'${line}'`).join(" ")} > /etc/nixos-containers/${name}.conf
    cat > /etc/systemd/system/container@.service <<'END'\n${nixosUnit}END
    printf %s '${leftAlone([name])}' > /etc/systemd/network/20-containers.network
    networkctl reload; systemctl daemon-reload`,
  );
}
