/** The guest's side of the firewall that only a boot knows: the host's ports that nothing in here may dial. */
import { QnError } from "../../base/errors.ts";
import { run } from "../../system/process.ts";

/**
 * Drops what the guest or a container sends to `ports` of the host. Slirp shows the host's loopback at 10.0.2.2, and
 * the gate listens there: without this a container could knock from outside (guest/nftables.conf has the rules, this
 * fills their set). Throws AGENT_FAILED when nftables refuses.
 */
export async function hideHostPorts(ports: readonly number[]): Promise<void> {
  // One transaction (nft(8)): the set of an earlier agent is replaced, never empty in between.
  const script = `flush set inet qn host_ports; add element inet qn host_ports { ${ports.join(", ")} }`;
  const { exitCode, stderr } = await run(["nft", script]);
  if (exitCode !== 0) throw new QnError("AGENT_FAILED", `nft cannot hide the host's ports: ${stderr.trim()}`);
}
