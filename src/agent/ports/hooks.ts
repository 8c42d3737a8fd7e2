/**
 * What is done about ports while Docker waits: opens ports before a container starts, settles the rest before the
 * answer.
 */
import { messageOf, QnError } from "../../base/errors.ts";
import type { FailedPort, PublishedPort } from "../../protocol/messages.ts";
import { pause, within } from "../../system/clock.ts";
import type { ContainerDetails } from "../../system/docker-views.ts";
import type { CallOn, DockerCall } from "../docker/call.ts";
import type { Containers } from "../docker/containers.ts";
import type { CallHooks } from "../docker/hooks.ts";
import type { PortTable } from "./port-table.ts";
import { keyOf } from "./published.ts";
import { fixedPortsOf, letsDockerChoose } from "./requested-ports.ts";

/**
 * What the hooks need. `refresh` lists the containers anew into the table, `kill` ends one, `remove` does away with it.
 */
export type HookOptions = {
  readonly table: PortTable;
  readonly containers: Pick<Containers, "startedBy" | "idOf" | "hasEnded">;
  readonly refresh: () => Promise<void>;
  readonly kill: (id: string) => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
  readonly onTrouble: (text: string) => void;
  /** How long each step may hold Docker up; 5 s unless given. */
  readonly deadlineMs?: number;
};

/** How often Docker's list is given time to become true, and how long each time. */
const listTriesMax = 50;
const listPauseMs = 10;

/** Past this the request goes on, and the ports follow as soon as they can. */
const usualDeadlineMs = 5_000;

/** How many reasons a refused start shows. */
const reasonsMax = 8;

/**
 * Opens the ports of a container before it starts, and holds each answer that ports may have changed by until the
 * host knows.
 */
export function portHooks(options: HookOptions): CallHooks {
  return {
    async beforeRequest(call) {
      if (call.kind === "start") await openFixed(call, options);
    },
    async beforeAnswer(call) {
      if (call.kind === "start") await settleStart(call, options);
      else if (settling.has(call.kind)) await relist(call, options);
    },
    // Whatever it was, it may have changed the ports.
    beforeLostAnswer: async () => void (await relist(undefined, options)),
  };
}

// --- internal ---

/** The calls that end a container, or are answered when it has ended. */
const ending: ReadonlySet<DockerCall["kind"]> = new Set(["stop", "kill", "wait", "remove"]);

/** All after which other ports may be published than before, starts aside. */
const settling: ReadonlySet<DockerCall["kind"]> = new Set([
  ...ending,
  ...(["swarm", "pause", "unpause", "rename", "update", "connect", "disconnect"] as const),
]);

/** A host port that is taken becomes Docker's own error, and the container does not start. */
async function openFixed(call: CallOn<"start">, options: HookOptions): Promise<void> {
  const { table, containers, onTrouble, deadlineMs = usualDeadlineMs } = options;
  let ports: readonly PublishedPort[];
  let isChoosing: boolean;
  let container: ContainerDetails;
  try {
    container = await within(containers.startedBy(call), deadlineMs, () => new Error("Docker does not answer."));
    ports = fixedPortsOf(container).map(({ containerPort: _containerPort, ...port }) => ({ ...port, asked: true }));
    isChoosing = letsDockerChoose(container);
  } catch {
    // No such container: Docker says so itself. Nor is it waited for when it does not answer.
    return;
  }
  if (ports.length === 0 && !isChoosing) return;
  if (ports.length > 0) table.ask(call.id, ports);
  const failed = await table.publishAndWait(deadlineMs, isChoosing);
  if (failed === undefined) return onTrouble(`the ports of ${call.id} are not open yet, and it starts nevertheless`);
  const refused = ofThese(failed, ports);
  if (refused.length === 0) return;
  table.drop(call.id);
  table.publish();
  await removeAgain(container, options);
  throw new QnError("PORT_TAKEN", reasonsOf(refused));
}

async function settleStart(call: CallOn<"start">, options: HookOptions): Promise<void> {
  const { table, containers } = options;
  const failed = await relist(call, options);
  if (failed.length === 0) return;
  const container = await containers.startedBy(call).catch(() => undefined);
  const refused = container === undefined ? [] : ofThese(failed, table.publishedBy(container.Id));
  if (container === undefined || refused.length === 0) return;
  await endAgain(container, options);
  const advice = "The container is stopped; `docker start` lets Docker choose again.";
  throw new QnError("PORT_TAKEN", `${reasonsOf(refused)} ${advice}`);
}

/**
 * Does away with a container of `docker run --rm` whose start is refused, as Docker does when a start fails: the client
 * waits until it is gone before it shows why.
 */
async function removeAgain({ Id, HostConfig, State }: ContainerDetails, options: HookOptions): Promise<void> {
  if (HostConfig.AutoRemove !== true || State?.Running === true) return;
  const { remove, onTrouble, deadlineMs = usualDeadlineMs } = options;
  try {
    await within(remove(Id), deadlineMs, () => new Error("Docker does not answer."));
  } catch (error) {
    onTrouble(`cannot remove ${Id}: ${messageOf(error)}`);
  }
}

/**
 * Lists anew, tells the host, and gives back what it cannot serve. `call` is what may have changed the ports, if that
 * is known.
 */
async function relist(call: DockerCall | undefined, options: HookOptions): Promise<readonly FailedPort[]> {
  const { table, onTrouble, deadlineMs = usualDeadlineMs } = options;
  let isListed = true;
  try {
    await within(refreshUntilTrue(call, options), deadlineMs, () => new Error("Docker does not answer."));
  } catch (error) {
    isListed = false;
    onTrouble(`cannot list containers: ${String(error)}`);
  }
  if (call?.kind === "start" && isListed) table.drop(call.id);
  // Its ports may well be published: they stay open until a list tells.
  if (call?.kind === "start" && !isListed) table.dropWhenListed(call.id);
  const failed = (await table.publishAndWait(deadlineMs)) ?? [];
  for (const { reason } of failed) onTrouble(reason);
  return failed;
}

/** A container whose ports nobody can reach does not run; what it publishes is let go of. */
async function endAgain({ Id }: ContainerDetails, { table, refresh, kill, onTrouble }: HookOptions): Promise<void> {
  try {
    await kill(Id);
    await refresh();
  } catch (error) {
    onTrouble(`cannot end ${Id}: ${messageOf(error)}`);
  }
  table.publish();
}

/**
 * Lists the containers until the list knows what has happened to the one that was ended: Docker answers `stop` and
 * `kill` a moment before its own list shows that the container has ended. One that publishes nothing by the list is
 * not asked about.
 */
async function refreshUntilTrue(call: DockerCall | undefined, options: HookOptions): Promise<void> {
  const { table, containers, refresh } = options;
  let hasEnded: boolean | undefined;
  for (let tries = 0; tries < listTriesMax; tries += 1) {
    await refresh();
    if (call === undefined || !("id" in call) || !ending.has(call.kind)) return;
    const id = containers.idOf(call.id);
    if (id === undefined || !table.publishes(id)) return;
    hasEnded ??= await containers.hasEnded(id);
    if (!hasEnded) return;
    await pause(listPauseMs);
  }
}

/** Those of the failures that are about these ports. One port may fail on both families, and is told once. */
function ofThese(failed: readonly FailedPort[], ports: readonly PublishedPort[]): readonly FailedPort[] {
  const keys = new Set(ports.map(keyOf));
  const mine = new Map<string, FailedPort>();
  for (const port of failed) {
    const key = keyOf(port);
    if (keys.has(key) && !mine.has(key)) mine.set(key, port);
  }
  return [...mine.values()];
}

function reasonsOf(failed: readonly FailedPort[]): string {
  const reasons = [...new Set(failed.map(({ reason }) => reason))];
  const more = reasons.length > reasonsMax ? [`${reasons.length - reasonsMax} more ports have failed.`] : [];
  return [...reasons.slice(0, reasonsMax), ...more].join(" ");
}
