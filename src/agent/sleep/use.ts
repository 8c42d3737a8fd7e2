/** What in the guest is in use although no client of the host's listeners says so: then it is not to fall asleep. */
import { readdir } from "node:fs/promises";
import { counted } from "../../base/words.ts";
import { sshGuestPort } from "../../protocol/messages.ts";
import { nameIn } from "../../system/docker-views.ts";
import { connectionsAt } from "../../system/proc-net.ts";
import type { Containers } from "../docker/containers.ts";

/** Where systemd keeps a file for each machine that is registered (systemd-machined), and links named by unit. */
const machinesFolder = "/run/systemd/machines";

/** What is looked at; the system's own unless given. */
const ownSystem = {
  machines: async (): Promise<readonly string[]> => await readdir(machinesFolder).catch(() => []),
  sshConnections: async (): Promise<number> => await connectionsAt(sshGuestPort),
};

/**
 * A container, a machine of systemd-nspawn or a connection of ssh that there is, as a sentence; nothing when there is
 * none. Throws when Docker does not answer.
 */
export async function useOf(
  containers: Pick<Containers, "list">,
  { machines, sshConnections }: typeof ownSystem = ownSystem,
): Promise<string | undefined> {
  const [container] = await containers.list();
  if (container !== undefined) return `The container ${nameIn(container.Names, container.Id)} runs.`;
  const machine = (await machines()).find((name) => !name.startsWith("unit:"));
  if (machine !== undefined) return `The container ${machine} of systemd-nspawn runs.`;
  const connections = await sshConnections();
  return connections === 0 ? undefined : `ssh has ${counted(connections, "connection")}.`;
}
