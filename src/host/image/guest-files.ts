/** The files of `guest/`, carried inside the binary, and where each of them goes in a guest. */
import daemonJson from "../../../guest/docker/daemon.json" with { type: "text" };
import fstab from "../../../guest/fstab" with { type: "text" };
import lanLink from "../../../guest/network/05-lan.link" with { type: "text" };
import lanNetwork from "../../../guest/network/05-lan.network" with { type: "text" };
import uplinkLink from "../../../guest/network/10-uplink.link" with { type: "text" };
import uplinkNetwork from "../../../guest/network/10-uplink.network" with { type: "text" };
import nftables from "../../../guest/nftables.conf" with { type: "text" };
import sshd from "../../../guest/sshd.conf" with { type: "text" };
import sudoers from "../../../guest/sudoers" with { type: "text" };
import sysctl from "../../../guest/sysctl.conf" with { type: "text" };
import tmpfiles from "../../../guest/tmpfiles.conf" with { type: "text" };
import udevRules from "../../../guest/udev.rules" with { type: "text" };
import containerDropIn from "../../../guest/units/container@.service.d/qn.conf" with { type: "text" };
import containerdDropIn from "../../../guest/units/containerd.service.d/qn.conf" with { type: "text" };
import agentSocket from "../../../guest/units/qn-agent.socket" with { type: "text" };
import agentUnit from "../../../guest/units/qn-agent.service" with { type: "text" };
import dockerDropIn from "../../../guest/units/docker.service.d/qn.conf" with { type: "text" };
import firewallUnit from "../../../guest/units/qn-firewall.service" with { type: "text" };
import provisionUnit from "../../../guest/units/qn-provision.service" with { type: "text" };
import nspawnDropIn from "../../../guest/units/systemd-nspawn@.service.d/qn.conf" with { type: "text" };

/** One file of a guest: its path there, its permission bits and its text. */
export type GuestFile = { readonly path: string; readonly mode: number; readonly text: string };

/** Where a guest keeps the programs that its units name as `@qn@` and so on. */
export type GuestPrograms = { readonly qn: string; readonly nft: string };

const unitFolder = "/etc/systemd/system";

/**
 * Every file of `guest/` with its place. `daemon.json` is installed under its own name by the recipe, since text
 * imports of JSON files are typed by their content.
 */
export function guestFiles(programs: GuestPrograms): readonly GuestFile[] {
  return [
    { path: "/etc/docker/daemon.json", mode: 0o644, text: textOf(daemonJson) },
    { path: "/etc/fstab", mode: 0o644, text: fstab },
    { path: "/etc/qn/nftables.conf", mode: 0o644, text: nftables },
    { path: "/etc/ssh/sshd_config.d/10-qn.conf", mode: 0o644, text: sshd },
    { path: "/etc/sudoers.d/qn", mode: 0o440, text: sudoers },
    { path: "/etc/sysctl.d/60-qn.conf", mode: 0o644, text: sysctl },
    { path: "/etc/systemd/network/05-lan.link", mode: 0o644, text: lanLink },
    { path: "/etc/systemd/network/05-lan.network", mode: 0o644, text: lanNetwork },
    { path: "/etc/systemd/network/10-uplink.link", mode: 0o644, text: uplinkLink },
    { path: "/etc/systemd/network/10-uplink.network", mode: 0o644, text: uplinkNetwork },
    { path: "/etc/tmpfiles.d/qn.conf", mode: 0o644, text: tmpfiles },
    // Before systemd's own 99-systemd.rules.
    { path: "/etc/udev/rules.d/90-qn.rules", mode: 0o644, text: udevRules },
    { path: `${unitFolder}/container@.service.d/qn.conf`, mode: 0o644, text: containerDropIn },
    { path: `${unitFolder}/containerd.service.d/qn.conf`, mode: 0o644, text: containerdDropIn },
    { path: `${unitFolder}/docker.service.d/qn.conf`, mode: 0o644, text: dockerDropIn },
    { path: `${unitFolder}/qn-firewall.service`, mode: 0o644, text: withPrograms(firewallUnit, programs) },
    { path: `${unitFolder}/qn-agent.socket`, mode: 0o644, text: agentSocket },
    { path: `${unitFolder}/qn-provision.service`, mode: 0o644, text: withPrograms(provisionUnit, programs) },
    { path: `${unitFolder}/qn-agent.service`, mode: 0o644, text: withPrograms(agentUnit, programs) },
    { path: `${unitFolder}/systemd-nspawn@.service.d/qn.conf`, mode: 0o644, text: nspawnDropIn },
  ];
}

// --- internal ---

function withPrograms(text: string, programs: GuestPrograms): string {
  return text.replaceAll("@qn@", programs.qn).replaceAll("@nft@", programs.nft);
}

function textOf(json: unknown): string {
  return typeof json === "string" ? json : JSON.stringify(json);
}
