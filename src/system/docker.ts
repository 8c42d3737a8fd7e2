/** The door to Docker for commands: dockerode, which knows the whole API, and costs 15 MB and as many ms to load. */
import Dockerode from "dockerode";
import { answerMs, dockerUnreachable } from "./docker-api.ts";
import { type AskedPort, type ListedContainer, parseAsked, parseListed } from "./docker-views.ts";

/** Every container of the daemon behind a socket, running or not. Throws DOCKER_UNREACHABLE. */
export async function listContainers(socketPath: string): Promise<ListedContainer[]> {
  return await asked(socketPath, async (docker, abortSignal) =>
    parseListed(await docker.listContainers({ all: true, abortSignal })),
  );
}

/** The ports that each of the containers was made to publish, in their order. Throws DOCKER_UNREACHABLE. */
export async function askedPorts(socketPath: string, ids: readonly string[]): Promise<AskedPort[][]> {
  return await asked(socketPath, async (docker, abortSignal) => {
    const answers: AskedPort[][] = [];
    // A handful at a time: each is a connection of its own.
    for (let start = 0; start < ids.length; start += atOnce) {
      const some = ids.slice(start, start + atOnce).map((id) => portsOf(docker, id, abortSignal));
      answers.push(...(await Promise.all(some)));
    }
    return answers;
  });
}

// --- internal ---

const atOnce = 8;

/** A container that has gone since it was listed publishes nothing. */
async function portsOf(docker: Dockerode, id: string, abortSignal: AbortSignal): Promise<AskedPort[]> {
  try {
    return parseAsked(await docker.getContainer(id).inspect({ abortSignal }));
  } catch (error) {
    if (error instanceof Error && "statusCode" in error && error.statusCode === 404) return [];
    throw error;
  }
}

async function asked<Answer>(
  socketPath: string,
  question: (docker: Dockerode, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await question(new Dockerode({ socketPath }), AbortSignal.timeout(answerMs));
  } catch (cause) {
    throw dockerUnreachable(socketPath, cause);
  }
}
