/** Lists the published ports of a Docker daemon. */
import type { Containers } from "../docker/containers.ts";
import { publishedPorts, type ServedPort } from "./published.ts";

/**
 * Makes what lists the ports that are published now, those included that Docker's own list leaves out and the
 * containers have asked for. Throws when the daemon does not answer.
 */
export function portLister(containers: Pick<Containers, "list" | "askedOf">): () => Promise<readonly ServedPort[]> {
  return async () => {
    const running = await containers.list();
    const withPorts = running.filter(({ Ports }) => Ports.length > 0).map(({ Id }) => Id);
    return publishedPorts(running, await containers.askedOf(withPorts));
  };
}
