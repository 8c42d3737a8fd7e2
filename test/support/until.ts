/** Waits of the end-to-end tests: what cannot be waited for by an event is tried again until a deadline with a name. */
import { connect } from "node:net";

/** Between two tries. */
const retryMs = 100;

/** Tries `check` until it gives something. Throws with `name` when the deadline passes. */
export async function until<Value>(
  name: string,
  deadlineMs: number,
  check: () => Value | undefined | Promise<Value | undefined>,
): Promise<Value> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (performance.now() > endMs) throw new Error(`Waited ${deadlineMs / 1000} s in vain for ${name}.`);
    await Bun.sleep(retryMs);
  }
}

/** Awaits something that has to happen in time. Throws with `name` when the deadline passes. */
export async function within<Value>(name: string, deadlineMs: number, work: Promise<Value>): Promise<Value> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${deadlineMs / 1000} s in vain for ${name}.`)), deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether somebody listens there: "open", or the system's word for why not, such as ECONNREFUSED. */
export async function knock(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host, port, timeout: 5000 });
  socket.once("connect", () => resolve("open"));
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  socket.once("timeout", () => resolve("timeout"));
  const answer = await promise;
  socket.destroy();
  return answer;
}

/** A TCP port that nobody listens on now, on no address of this machine. */
export async function freePort(): Promise<number> {
  const server = Bun.listen({ hostname: "::", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
