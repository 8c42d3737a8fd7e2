/** The door to Docker for commands: dockerode, which knows the whole API, and costs 15 MB and as many ms to load. */
import { Readable } from "node:stream";
import Dockerode from "dockerode";
import { answerMs, dockerUnreachable } from "./docker-api.ts";
import { type AskedPort, type ListedContainer, parseAsked, parseListed } from "./docker-views.ts";

/** Every container of the daemon behind a socket, running or not. Throws DOCKER_UNREACHABLE, after `patienceMs` too. */
export async function listContainers(socketPath: string, patienceMs = answerMs): Promise<ListedContainer[]> {
  const question = { path: "/containers/json?", options: { all: true } };
  return await asked(
    socketPath,
    async (docker, abortSignal) => parseListed(await answerTo(docker, { ...question, abortSignal })),
    patienceMs,
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
    return parseAsked(await answerTo(docker, { path: `/containers/${encodeURIComponent(id)}/json`, abortSignal }));
  } catch (error) {
    if (error instanceof Error && "statusCode" in error && error.statusCode === 404) return [];
    throw error;
  }
}

type Question = Parameters<Dockerode["modem"]["dial"]>[0];

/** A list of thousands of containers has some megabytes; whoever is root in a guest can answer without end. */
const answerMiBMax = 64;

/** Every status is taken: dockerode reads the words of a refusal to their end, however far that is. */
const anyStatus = new Proxy<NonNullable<Question["statusCodes"]>>({}, { get: () => true });

/** What dockerode's own calls would give, read no further than is allowed. Throws with `statusCode` for a refusal. */
async function answerTo({ modem }: Dockerode, question: Omit<Question, "statusCodes">): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<Readable>();
  modem.dial({ ...question, method: "GET", isStream: true, statusCodes: anyStatus }, (error, response) =>
    response instanceof Readable ? resolve(response) : reject(error),
  );
  const response = await promise;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.iterator() as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > answerMiBMax * 1024 ** 2) throw new Error(`its answer has more than ${answerMiBMax} MiB`);
  }
  const statusCode = "statusCode" in response ? Number(response.statusCode) : 0;
  const text = Buffer.concat(chunks).toString();
  if (statusCode !== 200) throw Object.assign(new Error(`it answers with status ${statusCode}`), { statusCode });
  return JSON.parse(text);
}

async function asked<Value>(
  socketPath: string,
  question: (docker: Dockerode, signal: AbortSignal) => Promise<Value>,
  patienceMs = answerMs,
): Promise<Value> {
  try {
    return await question(new Dockerode({ socketPath }), AbortSignal.timeout(patienceMs));
  } catch (cause) {
    throw dockerUnreachable(socketPath, cause);
  }
}
