/** What `qn-ports` does while Docker waits: opens ports before a container starts, settles the rest before the answer. */
import { QnError } from "../../base/errors.ts";
import type { FailedPort, PublishedPort } from "../../protocol/messages.ts";
import type { ContainerDetails } from "../../system/docker-api.ts";
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
};

/** How long Docker may be held up. Past it the request goes on, and the ports follow as soon as they can. */
const hookDeadlineMs = 5_000;

/** The hooks of the plugin `qn-ports`. */
export function portHooks(options: HookOptions): Hooks {
  return {
    beforeRequest: (request) => openFixed(request, options),
    beforeAnswer: (request) => settle(request, options),
  };
}

// --- internal ---

/** A host port that is taken becomes Docker's own error, and the container does not start. */
async function openFixed(request: DockerRequest, { book, details, onTrouble }: HookOptions): Promise<void> {
  const call = portCallOf(request.method, request.uri);
  if (call?.call !== "start") return;
  let ports: readonly PublishedPort[];
  try {
    ports = fixedPortsOf(await details(call.id)).map(({ containerPort: _containerPort, ...port }) => port);
  } catch {
    // No such container: Docker says so itself.
    return;
  }
  if (ports.length === 0) return;
  book.ask(call.id, ports);
  const failed = await book.publishAndWait(hookDeadlineMs);
  if (failed === undefined) return onTrouble(`the ports of ${call.id} are not open yet, and it starts nevertheless`);
  const refused = ofThese(failed, ports);
  if (refused.length === 0) return;
  book.drop(call.id);
  book.publish();
  throw new QnError("PORT_TAKEN", refused.map(({ reason }) => reason).join(" "));
}

async function settle(request: DockerRequest, { book, refresh, onTrouble }: HookOptions): Promise<void> {
  const call = portCallOf(request.method, request.uri);
  if (call === undefined) return;
  try {
    await refresh();
  } catch (error) {
    onTrouble(`cannot list containers: ${String(error)}`);
  }
  if (call.call === "start") book.drop(call.id);
  const failed = await book.publishAndWait(hookDeadlineMs);
  for (const { reason } of failed ?? []) onTrouble(reason);
}

/** Those of the failures that are about these ports. One port may fail on both families, and is told once. */
function ofThese(failed: readonly FailedPort[], ports: readonly PublishedPort[]): readonly FailedPort[] {
  const keys = new Set(ports.map(keyOf));
  const mine = failed.filter((port) => keys.has(keyOf(port)));
  return mine.filter((port, index) => mine.findIndex(({ reason }) => reason === port.reason) === index);
}
