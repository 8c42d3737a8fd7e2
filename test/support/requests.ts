/** Many HTTP requests at the same moment, each on a connection of its own, and how long each took. */
import { connect } from "node:net";

/** How long a request may take: longer than the 31 s for which the kernel tries to get through a backlog that is full. */
const patienceMs = 40_000;

/** What one request got, and the time from the start of its connection to the end of the answer. */
export type Answer = { readonly text: string; readonly ms: number };

/** Sends `count` requests at once to `port` of the loopback. One that fails has the error for its text. */
export async function requestsAtOnce(count: number, port: number): Promise<Answer[]> {
  return await Promise.all(Array.from({ length: count }, () => request(port)));
}

/** The value that `share` of the answers did not take longer than: 0.5 is the median, 1 the slowest. */
export function slowest(answers: readonly Answer[], share: number): number {
  const times = answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return times[Math.ceil(times.length * share) - 1] ?? Number.NaN;
}

// --- internal ---

/** The answer's body. HTTP/1.0: the server ends the connection. */
function request(port: number): Promise<Answer> {
  const startedMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<Answer>();
  let text = "";
  const done = (body: string): void => {
    clearTimeout(late);
    resolve({ text: body, ms: performance.now() - startedMs });
  };
  const socket = connect({ host: "127.0.0.1", port }, () => socket.write("GET / HTTP/1.0\r\nHost: page\r\n\r\n"));
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  socket.on("end", () => done(text.split("\r\n\r\n")[1] ?? text));
  socket.on("error", (error) => done(String(error)));
  const late = setTimeout(() => {
    socket.destroy();
    done("too late");
  }, patienceMs);
  return promise;
}
