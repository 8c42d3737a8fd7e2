/**
 * The guest's own listening sockets as a source of ports, for `ports.listen`: of `--network host` containers, and of
 * programs.
 */
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { every } from "../../system/clock.ts";
import { isThere } from "../../system/files.ts";
import { mount } from "../../system/kernel/libc.ts";
import { holdersOfSockets } from "../../system/port-holders.ts";
import { heldSockets } from "../../system/proc-net.ts";
import { followProgram } from "../../system/process.ts";
import type { Containers } from "../docker/containers.ts";
import { containerIn, forwardOf, type Listening } from "./listening.ts";
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
const tcpEvent = "sock/inet_sock_set_state";
const tcpFilter = `oldstate == ${tcpListen} || newstate == ${tcpListen}`;

/**
 * The end of a bind(2): by a probe of the kernel's function, and by the event of system calls where there is none. That
 * event rewrites the end of every system call, and slows each down; where QEMU before 8.1 emulates, a processor that is
 * just there may run the old code and panic (decision D386).
 */
const bindProbe = { event: "qn/bind", definition: "r:qn/bind __sys_bind ret=$retval:s32" };
const bindCall = "syscalls/sys_exit_bind";
const bindFilter = "ret == 0";

/** Which sockets count, and whom to ask for a container's name; without names nothing is known of containers. */
export type ListenOptions = {
  readonly all: boolean;
  readonly containers?: Pick<Containers, "nameOf"> | undefined;
};

/**
 * Makes the source. UDP has no event of closing: while such a socket is forwarded it is looked at every few seconds,
 * and only then. Who has a socket is looked up once.
 */
export function listenSource(options: ListenOptions): PortWatch {
  let owners: ReadonlyMap<string, Owner> = new Map();
  let hasDatagrams = false;
  return {
    name: "listen",
    async list() {
      const sockets = await forwardedSockets();
      owners = await ownersOf(sockets, owners, options);
      const ports = portsOf(sockets, owners, options);
      hasDatagrams = ports.some(({ protocol }) => protocol === "udp");
      return ports;
    },
    async follow(onNudge, signal) {
      await beginTracing();
      // What began to listen before is listed now, what does from here on waits in the pipe.
      onNudge();
      const watching = every(datagramsMs, () => hasDatagrams && onNudge());
      try {
        await followProgram(["cat", `${instance}/trace_pipe`], onNudge, signal);
      } finally {
        watching.cancel();
        await rmdir(instance).catch(() => {});
        await defineProbe(`-:${bindProbe.event}`).catch(() => {});
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

/** Who listens: a container in the guest's network, or another program. */
type Owner = { readonly name: string; readonly container?: string | undefined };

/** The owners of these sockets, as far as they are not known yet. A socket that nobody has any more has none. */
async function ownersOf(
  sockets: readonly Forwarded[],
  known: ReadonlyMap<string, Owner>,
  { containers }: ListenOptions,
): Promise<ReadonlyMap<string, Owner>> {
  const inodes = sockets.map(({ inode }) => inode);
  const found = await holdersOfSockets(inodes.filter((inode) => !known.has(inode)));
  const looks = inodes.map(async (inode): Promise<[string, Owner][]> => {
    const before = known.get(inode);
    if (before !== undefined) return [[inode, before]];
    const holder = found.get(inode);
    if (holder === undefined) return [];
    const id = containers && containerIn(await readFile(`/proc/${holder.pid}/cgroup`, "utf8").catch(() => ""));
    const container = id && (await containers?.nameOf(id));
    return [[inode, container ? { name: container, container: id } : { name: holder.name }]];
  });
  return new Map((await Promise.all(looks)).flat());
}

/** Where a program listens on both families, the port is one. */
function portsOf(
  sockets: readonly Forwarded[],
  owners: ReadonlyMap<string, Owner>,
  { all }: ListenOptions,
): ServedPort[] {
  const ports = sockets.flatMap(({ protocol, port, inode, hostIp, target }): ServedPort[] => {
    const owner = owners.get(inode);
    const isProgram = owner?.container === undefined;
    if (isProgram && (!all || holders.includes(owner?.name ?? ""))) return [];
    const where = { protocol, hostIp, hostPort: port, target: { hostname: target, port } };
    const whose = { containerId: owner?.container ?? "", container: owner?.name ?? "a program" };
    return [{ ...where, ...whose, source: isProgram ? "listen" : "host-network" }];
  });
  return [...new Map(ports.map((port) => [keyOf(port), port])).values()];
}

async function beginTracing(): Promise<void> {
  if (!(await isThere(`${tracing}/instances`))) mount("tracefs", tracing, "tracefs", "");
  await mkdir(instance, { recursive: true });
  // An agent that was killed has left its own.
  await defineProbe(bindProbe.definition).catch(() => {});
  const hasProbe = await isThere(`${instance}/events/${bindProbe.event}`);
  await enable(tcpEvent, tcpFilter);
  await enable(hasProbe ? bindProbe.event : bindCall, bindFilter);
}

async function enable(event: string, filter: string): Promise<void> {
  await writeFile(`${instance}/events/${event}/filter`, filter);
  await writeFile(`${instance}/events/${event}/enable`, "1");
}

/** Adds a probe, or takes it away (kernel documentation, trace/kprobetrace). All others stay: nothing is truncated. */
async function defineProbe(words: string): Promise<void> {
  await writeFile(`${tracing}/kprobe_events`, `${words}\n`, { flag: "a" });
}
