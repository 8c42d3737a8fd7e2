/**
 * A server in a container: `unix-echo.ts PATH` listens at PATH, in the place of what is there, and says each client, once
 * that has ended its direction, all that it has said.
 */
import { rmSync } from "node:fs";
import { createServer } from "node:net";

const [path = ""] = process.argv.slice(2);

rmSync(path, { force: true });
process.umask(0);
createServer({ allowHalfOpen: true }, (socket) => {
  const heard: Buffer[] = [];
  socket.on("error", () => {});
  socket.on("data", (bytes) => heard.push(bytes));
  socket.on("end", () => socket.end(Buffer.concat(heard)));
}).listen(path);
