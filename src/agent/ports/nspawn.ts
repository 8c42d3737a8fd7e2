/** The ports that systemd-nspawn publishes, as a source of ports. */
import { followProgram, run } from "../../system/process.ts";
import { nspawnFamilies, nspawnMap, type NspawnPort, nspawnPortsIn, nspawnTable } from "./nspawn-map.ts";
import type { ServedPort } from "./published.ts";
import type { PortWatch } from "./sources.ts";

/** netfilter tells of each change of the map; nothing is looked at meanwhile. */
export const nspawnSource: PortWatch = {
  name: "nspawn",
  list: async () => {
    const families = await Promise.all(nspawnFamilies.map(portsOfFamily));
    return await Promise.all(families.flat().map(served));
  },
  follow: async (onNudge, signal) => {
    const onLine = (line: string): void => {
      if (line.includes(nspawnTable)) onNudge();
    };
    await followProgram(["nft", "-j", "monitor", "elements"], onLine, signal);
  },
};

// --- internal ---

/** The table is not there until nspawn publishes its first port: nft then fails, and there are none. */
async function portsOfFamily(family: string): Promise<NspawnPort[]> {
  const { exitCode, stdout } = await run(["nft", "-j", "list", "map", family, nspawnTable, nspawnMap]);
  return exitCode === 0 ? nspawnPortsIn(stdout) : [];
}

async function served({ protocol, hostPort, address, port }: NspawnPort): Promise<ServedPort> {
  const machine = await machineAt(address);
  return {
    protocol,
    hostIp: "0.0.0.0",
    hostPort,
    containerId: address,
    container: machine ?? address,
    source: "nspawn",
    target: { hostname: address, port },
  };
}

/** The guest's end of a machine's own network is named after it (systemd-nspawn(1), --network-veth). */
async function machineAt(address: string): Promise<string | undefined> {
  const { stdout } = await run(["ip", "route", "get", address]);
  return /\bdev ve-(\S+)/.exec(stdout)?.[1];
}
