/** Redirects DNS with nftables: every question that is meant for slirp's resolver comes to the agent instead. */
import { readFile } from "node:fs/promises";
import { QnError } from "../../base/errors.ts";
import { namesGuestPort, slirp } from "../../protocol/messages.ts";
import { run } from "../../system/process.ts";

/**
 * Fills the chains that guest/nftables.conf keeps for this; the unit empties them when the agent ends, and slirp then
 * answers as it does without qn. All that the guest has as its resolver, and Docker hands on to containers, stays
 * 10.0.2.3. The agent's own questions pass. Throws AGENT_FAILED when nftables refuses.
 */
export async function interceptNames(): Promise<void> {
  const { exitCode, stderr } = await run(["nft", interception(await readFile("/proc/self/cgroup", "utf8"))]);
  if (exitCode !== 0) throw new QnError("AGENT_FAILED", `nft cannot redirect DNS: ${stderr.trim()}`);
}

// --- internal ---

/** One transaction (nft(8)). `cgroups` is /proc/self/cgroup: `0::/system.slice/qn-agent.service`. */
function interception(cgroups: string): string {
  const own = /^0::\/(.+)$/m.exec(cgroups)?.[1] ?? "";
  const others = own === "" ? "" : `socket cgroupv2 level ${own.split("/").length} != "${own}"`;
  const asked = `ip daddr ${slirp.resolver} meta l4proto { tcp, udp } th dport 53`;
  const redirect = `dnat ip to ${slirp.guest}:${namesGuestPort}`;
  return [
    "flush chain inet qn names_of_containers",
    "flush chain inet qn names_of_guest",
    `add rule inet qn names_of_containers ${asked} ${redirect}`,
    `add rule inet qn names_of_guest ${asked} ${others} ${redirect}`,
  ].join("; ");
}
