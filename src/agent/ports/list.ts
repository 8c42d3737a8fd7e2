/** Lists the published ports of a Docker daemon. */
import type { ContainerDetails, DockerApi } from "../../system/docker-api.ts";
import { publishedPorts, type ServedPort } from "./published.ts";

/**
 * Makes what lists the ports that are published now, those included that Docker's own list leaves out: each container
 * with ports is asked about once in its life, since what it asks for never changes. Throws when the daemon does not answer.
 */
export function portLister(docker: Pick<DockerApi, "containers" | "details">): () => Promise<readonly ServedPort[]> {
  let known = new Map<string, ContainerDetails>();
  return async () => {
    const containers = await docker.containers();
    const withPorts = containers.filter(({ Ports }) => Ports.length > 0).map(({ Id }) => Id);
    // One that has gone meanwhile publishes nothing any more, and its end is an event that lists again.
    const answers = await Promise.allSettled(withPorts.map(async (id) => known.get(id) ?? (await docker.details(id))));
    const details = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    known = new Map(details.map((each) => [each.Id, each]));
    return publishedPorts(containers, known);
  };
}
