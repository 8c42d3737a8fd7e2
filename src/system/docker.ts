/** The door to Docker for commands: dockerode, which knows the whole API, and costs 30 MB and some 50 ms to load. */
import Dockerode from "dockerode";
import { messageOf, QnError } from "../base/errors.ts";

/**
 * The daemon behind a socket in one line, such as "Docker 26.1.5 (API 1.45, linux/amd64)". Throws DOCKER_UNREACHABLE
 * when it does not answer.
 */
export async function describeDocker(socketPath: string): Promise<string> {
  try {
    const { Version, ApiVersion, Os, Arch } = await new Dockerode({ socketPath }).version();
    return `Docker ${Version} (API ${ApiVersion}, ${Os}/${Arch})`;
  } catch (cause) {
    throw new QnError("DOCKER_UNREACHABLE", `Docker does not answer at ${socketPath}: ${messageOf(cause)}.`, { cause });
  }
}
