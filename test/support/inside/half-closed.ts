/**
 * A client in a container with two connections that are half closed for long: `half-closed.ts HOST ASKED TOLD SECONDS`.
 * At port ASKED it says all at once, and the answer takes its time; at port TOLD the server says all at once, and the
 * client's own word comes after the seconds. It prints what it has heard, as JSON, when both are over.
 */
import { connect } from "node:net";

const [host = "", asked = "", told = "", seconds = ""] = process.argv.slice(2);

const [answer, greeting] = await Promise.all([
  heard(asked, (end) => end("question")),
  heard(told, (end) => setTimeout(() => end("last words"), Number(seconds) * 1000)),
]);
process.stdout.write(`${JSON.stringify({ answer, greeting })}\n`);

/** All that a server says, or the error that the connection ended with. */
async function heard(port: string, say: (end: (words: string) => void) => void): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  let text = "";
  socket.on("connect", () => say((words) => socket.end(words)));
  socket.on("data", (bytes) => (text += bytes.toString()));
  socket.on("error", (error) => resolve(error.message));
  socket.on("close", () => resolve(text));
  return await promise;
}
