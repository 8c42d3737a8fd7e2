/**
 * Two programs of a test, in a network of its own. `serve` stands in for who listens in the guest and on its host: each
 * server answers with the address that it was dialled at, and the ports are said. `lead CGROUP` is the part of the agent
 * that leads dockerd's connections, asked anew by each line of its input; it says what went wrong, or nothing.
 */
import { DockerLocalhost } from "../../src/agent/docker/localhost.ts";
import { slirp } from "../../src/protocol/messages.ts";
import { run } from "../../src/system/process.ts";

/** Ports by who has them: the host's address, the guest's loopback, all of the guest's addresses. */
export type Ports = Readonly<Record<"host" | "loopback" | "everywhere" | "everywhereOfIpv6", number>>;

const [role, cgroup = ""] = process.argv.slice(2);
if (role === "serve") {
  await run(["ip", "link", "set", "lo", "up"]);
  await run(["ip", "address", "add", `${slirp.host}/32`, "dev", "lo"]);
  const ports: Ports = {
    host: listen(slirp.host),
    loopback: listen("127.0.0.1"),
    everywhere: listen("0.0.0.0"),
    everywhereOfIpv6: listen("::"),
  };
  say(ports);
  await Bun.stdin.text();
} else {
  let trouble = "";
  const localhost = new DockerLocalhost((text) => (trouble = text), cgroup);
  for await (const _line of console) {
    localhost.lead();
    say({ trouble });
  }
  localhost.close();
}

function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function listen(hostname: string): number {
  const socket = { open: (to: Bun.Socket) => void to.end(`${to.localAddress}\n`), data() {} };
  const listener = Bun.listen({ hostname, port: 0, socket });
  listener.unref();
  return listener.port;
}
