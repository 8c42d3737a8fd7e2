/** A bridge of this machine's with a TAP device in it and a DHCP server behind it, as a household's network; for root on Linux. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./program.ts";

/** A bridge that goes away with its TAP device, its DHCP server and all that it was made for. */
export type Bridge = AsyncDisposable & {
  readonly tap: string;
  /** Addresses in its network: this machine's, the only one that is given out, and one that stays free. */
  readonly own: string;
  readonly given: string;
  readonly free: string;
};

/** Names and a network that nobody else on this machine has, most likely. */
const names = { bridge: `qn-br${process.pid % 1e9}`, tap: `qn-t${process.pid % 1e9}` };
const network = `10.213.${process.pid % 256}`;

const make = `ip link add ${names.bridge} type bridge && ip tuntap add ${names.tap} mode tap`;
const unmake = `ip link delete ${names.tap}; ip link delete ${names.bridge}`;

/** Whether bridges and TAP devices can be made here, and busybox is there, which has the DHCP server. */
export const mayBridge =
  process.platform === "linux" &&
  Bun.which("busybox") !== null &&
  Bun.spawnSync(["sh", "-c", `${make}; made=$?; ${unmake}; exit $made`], { stderr: "ignore" }).exitCode === 0;

/** Makes the bridge. Its DHCP server names this machine as router and resolver. */
export async function newBridge(): Promise<Bridge> {
  const addresses = { own: `${network}.1`, given: `${network}.50`, free: `${network}.60` };
  const up = `ip address add ${addresses.own}/24 dev ${names.bridge} && ip link set ${names.tap} master ${names.bridge} up`;
  const { exitCode, stderr } = await runProgram(["sh", "-c", `${make} && ${up} && ip link set ${names.bridge} up`]);
  if (exitCode !== 0) throw new Error(stderr);
  const folder = await mkdtemp("/tmp/qn-bridge-");
  const settings = [
    `interface ${names.bridge}`,
    `start ${addresses.given}`,
    `end ${addresses.given}`,
    `lease_file ${join(folder, "leases")}`,
    `pidfile ${join(folder, "pid")}`,
    ...["subnet 255.255.255.0", `router ${addresses.own}`, `dns ${addresses.own}`].map((each) => `option ${each}`),
  ];
  await Bun.write(join(folder, "udhcpd.conf"), `${settings.join("\n")}\n`);
  await Bun.write(join(folder, "leases"), "");
  const stdio = ["ignore", "ignore", "ignore"] as const;
  const server = Bun.spawn(["busybox", "udhcpd", "-f", join(folder, "udhcpd.conf")], { stdio: [...stdio] });
  return {
    tap: names.tap,
    ...addresses,
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
      await runProgram(["sh", "-c", unmake]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
