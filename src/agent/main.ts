/** `qn agent ports`: the gate, and the published ports behind it. */
import { type FileHandle, open } from "node:fs/promises";
import { messageOf, QnError } from "../base/errors.ts";
import { type Boot, doorbellPort, gateGuestPort, namesGuestPort, slirp } from "../protocol/messages.ts";
import type { OpenOnward } from "../protocol/open.ts";
import { after, type Timer } from "../system/clock.ts";
import type { Address } from "../system/net/connection.ts";
import { askServer } from "../system/dns.ts";
import { type DockerApi, dockerApi } from "../system/docker-api.ts";
import { isThere, writeFileAtomically } from "../system/files.ts";
import { inheritedSocket } from "../system/kernel/inherited.ts";
import { ChangeReceiver } from "./changes/receive.ts";
import { changeHooks } from "./changes/hooks.ts";
import { GuestClock } from "./setup/clock.ts";
import { hideHostPorts } from "./setup/firewall.ts";
import { openGate } from "./link/gate.ts";
import { Lanes } from "./link/lanes.ts";
import { HostLink, type Identity } from "./link/link.ts";
import { HostNames } from "./names/host-names.ts";
import { interceptNames } from "./names/intercept.ts";
import { serveNames } from "./names/serve.ts";
import { Containers } from "./docker/containers.ts";
import { inOrder } from "./docker/hooks.ts";
import { servePlugin } from "./docker/plugin.ts";
import { watchProvision } from "./setup/provision/tell.ts";
import { provideProxy } from "./setup/proxy.ts";
import { PortBook } from "./ports/book.ts";
import { watchDockerStops } from "./docker/docker-stops.ts";
import { HeldPorts } from "./ports/held.ts";
import { portHooks } from "./ports/hooks.ts";
import { portLister } from "./ports/list.ts";
import { listenSource } from "./ports/listen.ts";
import { Lister } from "../base/lister.ts";
import { nspawnSource } from "./ports/nspawn.ts";
import { watchSource } from "./ports/sources.ts";
import { watchDocker } from "./docker/watch.ts";

/** Who is asked for names while no supervisor is there: slirp asks the first server of the host's resolv.conf. */
const slirpResolver = { hostname: slirp.resolver, port: 53 };
const slirpMs = 5_000;

/** Says that an agent has been here since the guest started, and so that the host may know its ports. */
const servedFile = "/run/qn/ports-served";

/** How long an agent that was started anew keeps silent about ports at the most: Docker has been asked for them long before. */
const silenceMs = 60_000;

const dockerSocket = "/run/docker.sock";

/** dockerd finds plugins by the name of their socket here. */
const pluginSocket = "/run/docker/plugins/qn-ports.sock";

/** Where dockerd's unit finds what Docker chooses ports from, as the kernel writes such a range. */
const dockerPortsFile = "/run/qn/docker-ports";

/** Serves until `signal` fires; `onReady` is called once Docker may start. Throws the system's error when it cannot. */
export async function servePorts(
  boot: Boot,
  identity: Identity,
  options: { signal: AbortSignal; onReady: () => void },
): Promise<void> {
  await hideHostPorts(boot.hostPorts);
  await provideProxy(boot.proxy);
  const link = new HostLink(identity);
  const onTrouble = (text: string): void => link.log(text);
  await offerDockerPorts(boot);
  const { book, silence } = await bookOf(link, onTrouble);
  const names = new HostNames((question) => askServer(slirpResolver, question, slirpMs), onTrouble);
  const ask = (question: Uint8Array): Promise<Uint8Array> => names.ask(question);
  const nameServer = await serveNames({ hostname: slirp.guest, port: namesGuestPort }, ask, onTrouble);
  await interceptNames();
  const changes = changesOf(boot, link);
  const gate = openGate({
    secret: Buffer.from(boot.secret, "hex"),
    address: { hostname: "0.0.0.0", port: gateGuestPort },
    addressOf: (request) => targetOf(request, book),
    isStarting: (request) => request.open === "port" && book.isStarting(request),
    beforePort: async () => void (await Promise.all([changes.catchUpForPage(), book.known()])),
    onControl: (connection, early) => link.adopt(connection, early),
    onNames: (connection, early) => names.adopt(connection, early),
  });
  const lanes = new Lanes((connection) => gate.admit(connection), onTrouble);
  link.onLanes = (message) => lanes.open(message);
  const docker = dockerApi(dockerSocket);
  const containers = new Containers(observed(docker, changes));
  const lister = new Lister(portLister(containers), (ports) => book.setPublished(ports));
  const hooks = portHooks({
    book,
    containers,
    refresh: () => lister.refresh(),
    kill: (id) => docker.kill(id),
    remove: (id) => docker.remove(id),
    onTrouble,
  });
  const inherited = inheritedSocket("qn-ports.socket");
  const plugin = await servePlugin(pluginSocket, inOrder([changeHooks(changes, containers), hooks]), { inherited });
  options.onReady();
  const doorbell = await ring();
  const beside = await serveBeside(link);
  const sources = [nspawnSource, ...(boot.listen ? [listenSource()] : [])];
  for (const source of sources) void watchSource(source, book, { signal: options.signal, onTrouble });
  const onNudge = (): void =>
    lister.nudge(
      () => book.publish(),
      (error) => onTrouble(`cannot list containers: ${String(error)}`),
    );
  const onDocker = (state: "ready" | "down"): void => {
    if (state === "down") {
      book.dropAll();
      book.speak();
    }
    link.reportDocker(state);
  };
  const stops = watchDockerStops(options.signal);
  try {
    await watchDocker(docker, { onNudge, onDocker, onTrouble }, options.signal, stops);
  } finally {
    silence?.cancel();
    gate.closeAll();
    beside.close();
    nameServer.close();
    await plugin.close();
    await doorbell.close();
  }
}

// --- internal ---

/** The book that reports over the link. An agent that was started anew is silent at first, on both. */
async function bookOf(link: HostLink, onTrouble: (text: string) => void): Promise<{ book: PortBook; silence?: Timer }> {
  const held = new HeldPorts();
  const book = new PortBook((ports, choosing) => link.reportPorts(ports, choosing || held.any), onTrouble);
  link.onServed = (report, failed, taken) => {
    if (taken !== undefined) held.hold(taken);
    book.onServed(report, failed);
  };
  if (!(await isThere(servedFile))) {
    await writeFileAtomically(servedFile, "", 0o644);
    return { book };
  }
  link.awaitPorts();
  book.keepSilent();
  return { book, silence: after(silenceMs, () => book.speak()) };
}

/** What the same link carries beside the ports: the time for the guest's clock, and how far the settings' commands are. */
async function serveBeside(link: HostLink): Promise<{ close(): void }> {
  const onLine = (text: string): void => link.log(text);
  const clock = new GuestClock(onLine);
  link.onClock = (message, ask) => clock.hear(message, ask);
  return await watchProvision({ onSteps: (steps) => link.reportProvision(steps), onLine });
}

/** What the host changes below what containers mount. */
function changesOf(boot: Boot, link: HostLink): ChangeReceiver {
  const changes = new ChangeReceiver(boot, {
    report: (sources) => link.reportMounts(sources),
    ask: (sources) => link.askChanges(sources),
    onTrouble: (text) => link.log(text),
  });
  link.onChanges = (told) => changes.onChanges(told);
  return changes;
}

/** The same Docker; each list of containers also says what of the host they mount, and so what is watched there. */
function observed(docker: DockerApi, changes: ChangeReceiver): DockerApi {
  return {
    ...docker,
    async containers() {
      const containers = await docker.containers();
      await changes.onContainers(containers);
      return containers;
    },
  };
}

/**
 * Leaves the VM's slot of ports where dockerd's unit looks before it starts (guest/units/docker.service.d): Docker reads
 * net.ipv4.ip_local_port_range once, when it starts (moby's libnetwork/portallocator). A guest without one keeps its own.
 */
async function offerDockerPorts({ dockerPorts }: Boot): Promise<void> {
  if (dockerPorts === undefined) return;
  await writeFileAtomically(dockerPortsFile, `${dockerPorts.first}\t${dockerPorts.last}\n`, 0o644);
}

/** Where a stream leads: Docker's socket, or the container that publishes the port now. */
function targetOf(request: OpenOnward, book: PortBook): Address {
  if (request.open === "docker") return { unix: dockerSocket };
  if (request.open === "guest") return { hostname: "127.0.0.1", port: request.port };
  const target = book.find(request);
  if (target !== undefined) return target;
  throw new QnError("AGENT_FAILED", `No container publishes ${request.protocol} port ${request.hostPort}.`);
}

/**
 * Rings the host: QEMU tells it (VSERPORT_CHANGE) when a process holds this port open, so it need not try the gate
 * again and again while the guest boots. No byte ever passes. Throws AGENT_FAILED when the port is not there, and systemd
 * then starts the agent again: a host that is never rung would wait in vain.
 */
async function ring(): Promise<FileHandle> {
  const path = `/dev/virtio-ports/${doorbellPort}`;
  try {
    return await open(path, "r+");
  } catch (cause) {
    throw new QnError("AGENT_FAILED", `The doorbell ${path} cannot be opened: ${messageOf(cause)}.`, { cause });
  }
}
