/** The floor plan of the guest: what the agent sets up there, what it serves, and in which order. */
import { messageOf } from "../base/errors.ts";
import { Lister } from "../base/lister.ts";
import { newQueue } from "../base/queue.ts";
import { type Boot, gateGuestPort, type ProvisionStep } from "../protocol/messages.ts";
import { type DockerApi, dockerApi } from "../system/docker-api.ts";
import { memoryUse } from "../system/memory-use.ts";
import { inheritedSocket } from "../system/kernel/socket-activation.ts";
import { changeHooks, keepStarted } from "./changes/hooks.ts";
import { observed, receiveChanges } from "./changes/open.ts";
import type { ChangeReceiver } from "./changes/receive.ts";
import { Containers } from "./docker/containers.ts";
import { type CallHooks, inOrder } from "./docker/hooks.ts";
import { DockerLocalhost } from "./docker/localhost.ts";
import { servePlugin } from "./docker/plugin.ts";
import { dockerSocket, pluginSocket } from "./docker/socket.ts";
import { watchDockerStops } from "./docker/docker-stops.ts";
import { watchDocker } from "./docker/watch.ts";
import { Disks } from "./files/disks.ts";
import { guardFullDisks } from "./files/full-disk.ts";
import { fileHooks } from "./files/hooks.ts";
import { mountShares } from "./files/shares.ts";
import { SocketListeners } from "./files/sockets/listen.ts";
import { openSockets } from "./files/sockets/open.ts";
import { reachMountSocket } from "./files/sockets/reach.ts";
import { ring } from "./link/doorbell.ts";
import { openGate } from "./link/gate.ts";
import { Lanes } from "./link/lanes.ts";
import { HostLink, type Identity } from "./link/link.ts";
import { openNames } from "./names/open.ts";
import { completeNames } from "./names/resolv-conf.ts";
import { IdleFiles } from "./memory/idle-files.ts";
import type { PortTable } from "./ports/port-table.ts";
import { portHooks } from "./ports/hooks.ts";
import { portLister } from "./ports/list.ts";
import { listenSource } from "./ports/listen.ts";
import { NeededSource } from "./ports/needed-source.ts";
import { nspawnSource } from "./ports/nspawn.ts";
import { openPortTable } from "./ports/open.ts";
import type { ServedPort } from "./ports/published.ts";
import { watchSource } from "./ports/sources.ts";
import { targetOf } from "./ports/target.ts";
import { GuestClock } from "./setup/clock.ts";
import { extendDaemon } from "./setup/daemon.ts";
import { offerDockerPorts } from "./setup/docker-ports.ts";
import { provideVariables } from "./setup/docker-variables.ts";
import { hideHostPorts } from "./setup/firewall.ts";
import { announceFlake } from "./setup/flake.ts";
import { keepAlive, rememberHalfClosed } from "./setup/keep-alive.ts";
import { provideLogin } from "./setup/login.ts";
import { offerProvision } from "./setup/provision/run.ts";
import { watchProvision } from "./setup/provision/report-progress.ts";
import { provideTimeZone } from "./setup/time-zone.ts";
import { guestSleeper } from "./sleep/open.ts";
import { renew } from "./sleep/renew.ts";
import type { Sleeper } from "./sleep/sleeper.ts";

/**
 * What may run alone: the host's files in the guest, and everything that the host dials or is told. In the order of
 * their hooks.
 */
export const roles = ["tmp", "ports"] as const;
export type Role = (typeof roles)[number];

/** Which roles run; `onReady` is called once Docker may start. */
export type AgentOptions = {
  readonly roles: readonly Role[];
  readonly signal: AbortSignal;
  readonly onReady: () => void;
};

/** Serves until `signal` fires. Throws AGENT_FAILED or the system's error when it cannot. */
export async function serveGuest(boot: Boot, identity: Identity, options: AgentOptions): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const link = new HostLink(identity);
  const changes = receiveChanges(boot, link);
  const docker = observed(dockerApi(dockerSocket), changes);
  const containers = new Containers(docker);
  const sleeper = guestSleeper(boot, link, docker, containers);
  const sockets = closing(opened, new SocketListeners(link));
  const guest: Guest = { boot, link, changes, docker, containers, sleeper, sockets, opened, ...options };
  const wanted = roles.filter((role) => options.roles.includes(role));
  const running: Running[] = [];
  // In turn: whoever looks for why the second one fails can log in by then, and finds the shares.
  for (const role of wanted) running.push(await setUp[role](guest));
  const { name, unit } = wanted.length === 1 ? aloneAs(wanted[0]) : whole;
  const hooks = inOrder([sleeper.hooks, ...running.flatMap((role) => role.hooks)]);
  const plugin = await servePlugin(pluginSocket(name), hooks, { inherited: inheritedSocket(`${unit}.socket`) });
  opened.defer(() => plugin.close());
  options.onReady();
  await Promise.all(running.map((role) => role.serve()));
}

// --- internal ---

/** What both roles work with. What is put on `opened` is closed at the end, the last first. */
type Guest = Pick<AgentOptions, "signal"> & {
  readonly boot: Boot;
  readonly link: HostLink;
  readonly changes: ChangeReceiver;
  readonly docker: DockerApi;
  readonly containers: Containers;
  readonly sleeper: Sleeper;
  readonly sockets: SocketListeners;
  readonly opened: AsyncDisposableStack;
};

/** A role that has been set up: what it does while Docker waits, and what it does until the signal fires. */
type Running = { readonly hooks: readonly CallHooks[]; serve(): Promise<void> };

const setUp: Readonly<Record<Role, (guest: Guest) => Promise<Running>>> = { tmp: setUpFiles, ports: setUpPorts };

/** The plugin's name, which Docker's errors show, and the unit that holds its socket. */
const whole = { name: "qn", unit: "qn-agent" };

/** A role that runs alone has a plugin of its own, beside the other's. */
function aloneAs(role: Role | undefined): typeof whole {
  return { name: `qn-${role}`, unit: `qn-${role}` };
}

/**
 * Login, shares and disks, which sshd and Docker wait for, what the settings want done before Docker starts, and bind
 * sources.
 */
async function setUpFiles({ boot, link, containers, sockets, signal }: Guest): Promise<Running> {
  const onTrouble = (text: string): void => link.log(text);
  await provideLogin(boot);
  await provideTimeZone(boot.timeZone).catch((error: unknown) => onTrouble(`time zone: ${messageOf(error)}`));
  await mountShares(boot);
  const disks = new Disks(boot.disks, onTrouble);
  link.onDisks = (sizes) => disks.fillAll(sizes);
  await disks.mountAll();
  guardFullDisks(boot.shares, signal, onTrouble);
  await extendDaemon(boot.daemon);
  await offerProvision(boot);
  await announceFlake(boot.flake);
  const shown = openSockets(boot, sockets, { onOther: (path) => link.askSocket(path), onTrouble });
  return { hooks: [await fileHooks(boot, containers, shown, onTrouble)], serve: async () => await fired(signal) };
}

/** The firewall, the gate, names, and published ports; then the host is rung, and hears of Docker. */
async function setUpPorts(guest: Guest): Promise<Running> {
  const { boot, link, changes, docker, containers, opened } = guest;
  const onTrouble = (text: string): void => link.log(text);
  await hideHostPorts(boot.hostPorts);
  await provideVariables(boot);
  await offerDockerPorts(boot);
  const { table } = closing(opened, await openPortTable(link, onTrouble));
  const names = closing(opened, await openNames(onTrouble));
  const completing = newQueue();
  link.onNames = (message) => {
    void completing(() => completeNames(message)).catch((error: unknown) =>
      onTrouble(`resolv.conf: ${messageOf(error)}`),
    );
  };
  const gate = openGate({
    // Anew for each connection: a copy of a template gets one of its own.
    get secret() {
      return Buffer.from(boot.secret, "hex");
    },
    address: { hostname: "0.0.0.0", port: gateGuestPort },
    addressOf: (request) => targetOf(request, table),
    isStarting: (request) => request.open === "port" && table.isStarting(request),
    beforePort: async () => void (await Promise.all([changes.catchUpForPage(), table.known()])),
    onControl: (connection, early) => link.adopt(connection, early),
    onNames: (connection, early) => names.host.adopt(connection, early),
    takeClient: (client) => guest.sockets.take(client),
    reachMountSocket: async (socket) => await reachMountSocket(boot.shares, socket),
  });
  opened.defer(() => gate.closeAll());
  link.onRenew = async (renewal) => {
    await renew(boot, renewal, onTrouble);
    gate.hangUp();
  };
  const lanes = new Lanes((connection) => gate.admit(connection), onTrouble);
  link.onLanes = (message) => lanes.open(message);
  guest.sleeper.onAsleep = () => {
    lanes.closeAll();
    gate.hangUp();
  };
  const own = closing(opened, ownSockets(guest, table, onTrouble));
  const lister = new Lister(portLister(containers, boot.swarm === true ? { docker } : undefined), (ports) => {
    table.setPublished(ports);
    own.need(boot.listen || containers.hasHostNetwork);
  });
  const hooks = portHooks({
    table,
    containers,
    refresh: () => lister.refresh(),
    kill: (id) => docker.kill(id),
    remove: (id) => docker.remove(id),
    onTrouble,
  });
  own.need(boot.listen);
  const localhost = closing(opened, new DockerLocalhost(onTrouble));
  const idleFiles = boot.takesMemoryBack === true ? closing(opened, new IdleFiles(onTrouble)) : undefined;
  link.onMemory = async () => (await memoryUse()).usedBytes;
  closing(opened, keepAlive(onTrouble));
  return {
    hooks: [
      // What is mounted is brought up to date before a port answers. A dockerd may be called before it is found up.
      changeHooks(changes, containers),
      hooks,
      { beforeRequest: async () => localhost.lead(), beforeAnswer: async () => idleFiles?.nudge() },
    ],
    serve: async () => await speakToHost(guest, table, lister, { localhost, idleFiles }),
  };
}

/** The guest's own listening sockets, as far as the settings have them forwarded. */
function ownSockets({ boot, containers }: Guest, table: PortTable, onTrouble: (text: string) => void): NeededSource {
  const isOfContainers = boot.listenOfContainers === true;
  const source = listenSource({ all: boot.listen, containers: isOfContainers ? containers : undefined });
  return new NeededSource((signal) => {
    if (boot.listen || isOfContainers) void watchSource(source, table, { signal, onTrouble });
  });
}

/** What the host hears until the signal fires. */
async function speakToHost(
  { link, changes, docker, containers, sleeper, opened, signal }: Guest,
  table: PortTable,
  lister: Lister<ServedPort>,
  { localhost, idleFiles }: { readonly localhost: DockerLocalhost; readonly idleFiles: IdleFiles | undefined },
): Promise<void> {
  const onTrouble = (text: string): void => link.log(text);
  opened.use(await ring());
  const clock = new GuestClock(onTrouble);
  link.onClock = (message, ask) => clock.hear(message, ask);
  const onSteps = (steps: readonly ProvisionStep[]): void => link.reportProvision(steps);
  closing(opened, await watchProvision({ onSteps, onLine: onTrouble }));
  void watchSource(nspawnSource, table, { signal, onTrouble });
  const onFailed = (error: unknown): void => onTrouble(`cannot list containers: ${String(error)}`);
  const onNudge = (): void => {
    idleFiles?.nudge();
    lister.nudge(() => table.publish(), onFailed);
  };
  const onStarted = (id: string): void => void keepStarted(id, changes, containers);
  let isReady = false;
  const onDocker = (state: "ready" | "down"): void => {
    isReady = state === "ready";
    if (!isReady) {
      table.dropAll();
      table.speak();
      return link.reportDocker("down");
    }
    localhost.lead();
    rememberHalfClosed(onTrouble);
    void sleeper.startStopped();
    // Ports before Docker: whoever waits for Docker finds them open by then, or hears why they are not.
    void lister
      .refresh()
      .then(() => table.publish(), onFailed)
      .then(() => isReady && link.reportDocker("ready"));
  };
  await watchDocker(docker, { onStarted, onNudge, onDocker, onTrouble }, signal, watchDockerStops(signal));
}

/** The same thing, which is closed at the end. */
function closing<Thing extends { close(): void }>(opened: AsyncDisposableStack, thing: Thing): Thing {
  return opened.adopt(thing, (it) => it.close());
}

/** Resolves when the signal fires. */
async function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
}
