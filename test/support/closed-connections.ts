/** Clients that ask once and let the server close: what curl, docker-py and Go do without keep-alive. */
import { connect, type NetConnectOpts } from "node:net";

/**
 * So many of them from so many clients, each client's next one the moment that the one before has ended. What was no page
 * with status 200, with its number.
 */
export async function closedConnections(
  where: NetConnectOpts,
  path: string,
  { count, clients }: { readonly count: number; readonly clients: number },
): Promise<string[]> {
  const bad: string[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const answer = await askOnce(where, path);
      if (!answer.startsWith("HTTP/1.1 200 ")) bad.push(`${index}: ${answer.slice(0, 80)}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return bad;
}

// --- internal ---

/** Sends `GET path` with `Connection: close`; the whole answer, or the system's word for how it broke off. */
function askOnce(where: NetConnectOpts, path: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const request = `GET ${path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n`;
  const socket = connect(where, () => socket.write(request));
  socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  socket.on("end", () => resolve(text));
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  return promise;
}
