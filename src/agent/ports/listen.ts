/**
 * The guest's own listening sockets as a source of ports, for `ports.listen`: programs and `--network host` containers.
 */
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { every } from "../../system/clock.ts";
import { isThere } from "../../system/files.ts";
import { mount } from "../../system/kernel/libc.ts";
import { holdersOfPort } from "../../system/port-holders.ts";
import { heldSockets } from "../../system/proc-net.ts";
import { followProgram } from "../../system/process.ts";
import { forwardOf, type Listening } from "./listening.ts";
import { keyOf, type ServedPort } from "./published.ts";
import type { PortWatch } from "./sources.ts";

/**
 * The kernel's tracing tells of sockets that begin or stop to listen, so that nothing is looked at meanwhile: an
 * instance of its own, with only these events and only those that count (kernel documentation, trace/events). A UDP
 * socket that is closed makes no event of its own.
 */
const tracing = "/sys/kernel/tracing";
const instance = `${tracing}/instances/qn`;
const tcpListen = 10;
const events: Readonly<Record<string, string>> = {
  "sock/inet_sock_set_state": `oldstate == ${tcpListen} || newstate == ${tcpListen}`,
  "syscalls/sys_exit_bind": "ret == 0",
};

/**
 * Makes the source. UDP has no event of closing: while such a socket is forwarded it is looked at every few seconds,
 * and only then. The programs' names are looked up once for each socket.
 */
export function listenSource(): PortWatch {
  let names: ReadonlyMap<string, string> = new Map();
  let hasDatagrams = false;
  return {
    name: "listen",
    async list() {
      const sockets = await forwardedSockets();
      hasDatagrams = sockets.some(({ protocol }) => protocol === "udp");
      names = new Map(
        await Promise.all(
          sockets.map(async (each) => [each.inode, names.get(each.inode) ?? (await nameOf(each))] as const),
        ),
      );
      return portsOf(sockets, names);
    },
    async follow(onNudge, signal) {
      await beginTracing();
      const watching = every(datagramsMs, () => hasDatagrams && onNudge());
      try {
        await followProgram(["cat", `${instance}/trace_pipe`], onNudge, signal);
      } finally {
        watching.cancel();
        await rmdir(instance).catch(() => {});
      }
    },
  };
}

// --- internal ---

/** How long a UDP forward may outlive its socket. */
const datagramsMs = 5_000;

/**
 * Docker and qn hold ports with sockets that nobody answers at: published ones, and those that Docker must not choose.
 */
const holders: readonly string[] = ["dockerd", "docker-proxy", "qn"];

type Forwarded = Listening & { readonly hostIp: string; readonly target: string };

async function forwardedSockets(): Promise<Forwarded[]> {
  const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
  const [first = 0, last = 0] = range.split(/\s+/).map(Number);
  const waiting = (await heldSockets()).filter(({ state }) => state === "waiting");
  return waiting.flatMap((socket) => {
    const forward = forwardOf(socket, { first, last });
    return forward === undefined ? [] : { ...socket, ...forward };
  });
}

async function nameOf({ protocol, port }: Listening): Promise<string> {
  const holder = (await holdersOfPort(port)).find((each) => each.protocol === protocol);
  return holder?.name ?? "a program";
}

/** Where a program listens on both families, the port is one. */
function portsOf(sockets: readonly Forwarded[], names: ReadonlyMap<string, string>): ServedPort[] {
  const ports = sockets.flatMap(({ protocol, port, inode, hostIp, target }): ServedPort[] => {
    const container = names.get(inode) ?? "";
    if (holders.includes(container)) return [];
    const where = { protocol, hostIp, hostPort: port, target: { hostname: target, port } };
    return [{ ...where, containerId: "", container, source: "listen" }];
  });
  return [...new Map(ports.map((port) => [keyOf(port), port])).values()];
}

async function beginTracing(): Promise<void> {
  if (!(await isThere(`${tracing}/instances`))) mount("tracefs", tracing, "tracefs", "");
  await mkdir(instance, { recursive: true });
  for (const [event, filter] of Object.entries(events)) {
    await writeFile(`${instance}/events/${event}/filter`, filter);
    await writeFile(`${instance}/events/${event}/enable`, "1");
  }
}
