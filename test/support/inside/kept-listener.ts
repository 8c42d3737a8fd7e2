/** A service that listens at a socket for clients in containers, as the agent does, and says who it is: for systemd. */
import { appendFileSync } from "node:fs";
import { keptSocket, SocketListeners } from "../../../src/agent/files/sockets/listen.ts";
import { notifySystemd } from "../../../src/system/kernel/libc.ts";

const [folder = "", log = ""] = process.argv.slice(2);
const listeners = new SocketListeners({
  onSocketRefused: () => {},
  askSocket(name, client) {
    appendFileSync(log, `asked ${name} ${client}\n`);
    return false;
  },
});
appendFileSync(log, `${keptSocket(0) === undefined ? "made" : "kept"}\n`);
listeners.listen([{ name: "s", paths: [] }], folder);
process.on("SIGTERM", () => listeners.close());
notifySystemd("READY=1");
