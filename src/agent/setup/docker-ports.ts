/** The host ports that Docker chooses from: the VM's own, so that two VMs never choose the same one. */
import type { Boot } from "../../protocol/messages.ts";
import { writeFileAtomically } from "../../system/files.ts";

/** Where dockerd's unit finds what Docker chooses ports from, as the kernel writes such a range. */
const dockerPortsFile = "/run/qn/docker-ports";

/**
 * Leaves the VM's slot of ports where dockerd's unit looks before it starts (guest/units/docker.service.d): Docker
 * reads net.ipv4.ip_local_port_range once, when it starts (moby's libnetwork/portallocator). A guest without one
 * keeps its own.
 */
export async function offerDockerPorts({ dockerPorts }: Pick<Boot, "dockerPorts">): Promise<void> {
  if (dockerPorts === undefined) return;
  await writeFileAtomically(dockerPortsFile, `${dockerPorts.first}\t${dockerPorts.last}\n`, 0o644);
}
