/** What `qn-ports` does while Docker waits: opens ports before a container starts, settles the rest before the answer. */
import { QnError } from "../../base/errors.ts";
import type { FailedPort, PublishedPort } from "../../protocol/messages.ts";
import { pause, within } from "../../system/clock.ts";
import type { ContainerDetails } from "../../system/docker-api.ts";
import { dockerPath } from "../docker-path.ts";
import type { DockerRequest, Hooks } from "../plugin.ts";
import type { PortBook } from "./book.ts";
import { keyOf } from "./published.ts";
import { fixedPortsOf, portCallOf } from "./request.ts";

/** What the hooks need. `refresh` lists the containers anew into the book. */
export type HookOptions = {
  readonly book: PortBook;
  readonly details: (id: string) => Promise<ContainerDetails>;
  readonly refresh: () => Promise<void>;
  readonly onTrouble: (text: string) => void;
  /** How long each step may hold Docker up; 5 s unless given. */
  readonly deadlineMs?: number;
};

/** How often Docker's list is given time to become true, and how long each time. */
const listTriesMax = 50;
const listPauseMs = 10;

/** Past this the request goes on, and the ports follow as soon as they can. */
const usualDeadlineMs = 5_000;

/** The hooks of the plugin `qn-ports`. */
export function portHooks(options: HookOptions): Hooks {
  return {
    beforeRequest: (request) => openFixed(request, options),
    beforeAnswer: (request) => settle(request, options),
  };
}

// --- internal ---

/** A host port that is taken becomes Docker's own error, and the container does not start. */
async function openFixed(request: DockerRequest, options: HookOptions): Promise<void> {
  const { book, details, onTrouble, deadlineMs = usualDeadlineMs } = options;
  const call = portCallOf(request.method, request.uri);
  if (call?.call !== "start") return;
  let ports: readonly PublishedPort[];
  try {
    const container = await within(details(call.id), deadlineMs, () => new Error("Docker does not answer."));
    ports = fixedPortsOf(container).map(({ containerPort: _containerPort, ...port }) => port);
  } catch {
    // No such container: Docker says so itself. Nor is it waited for when it does not answer.
    return;
  }
  if (ports.length === 0) return;
  book.ask(call.id, ports);
  const failed = await book.publishAndWait(deadlineMs);
  if (failed === undefined) return onTrouble(`the ports of ${call.id} are not open yet, and it starts nevertheless`);
  const refused = ofThese(failed, ports);
  if (refused.length === 0) return;
  book.drop(call.id);
  book.publish();
  throw new QnError("PORT_TAKEN", refused.map(({ reason }) => reason).join(" "));
}

async function settle(request: DockerRequest, options: HookOptions): Promise<void> {
  const { book, onTrouble, deadlineMs = usualDeadlineMs } = options;
  const call = portCallOf(request.method, request.uri);
  if (call === undefined) return;
  try {
    await within(refreshUntilTrue(request, options), deadlineMs, () => new Error("Docker does not answer."));
  } catch (error) {
    onTrouble(`cannot list containers: ${String(error)}`);
  }
  if (call.call === "start") book.drop(call.id);
  const failed = await book.publishAndWait(deadlineMs);
  for (const { reason } of failed ?? []) onTrouble(reason);
}

/**
 * Lists the containers until the list knows what has happened to the one that the request was about: Docker answers
 * `stop` and `kill` a moment before its own list shows that the container has ended.
 */
async function refreshUntilTrue(request: DockerRequest, { book, details, refresh }: HookOptions): Promise<void> {
  const [kind, id = ""] = dockerPath(request.uri) ?? [];
  for (let tries = 0; tries < listTriesMax; tries += 1) {
    await refresh();
    if (kind !== "containers") return;
    const container = await details(id).catch(() => undefined);
    // One that is gone is in no list any more.
    if (container?.State?.Running !== false || !book.publishes(container.Id)) return;
    await pause(listPauseMs);
  }
}

/** Those of the failures that are about these ports. One port may fail on both families, and is told once. */
function ofThese(failed: readonly FailedPort[], ports: readonly PublishedPort[]): readonly FailedPort[] {
  const keys = new Set(ports.map(keyOf));
  const mine = failed.filter((port) => keys.has(keyOf(port)));
  return mine.filter((port, index) => mine.findIndex((other) => keyOf(other) === keyOf(port)) === index);
}
