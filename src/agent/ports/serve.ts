/** `qn agent ports`: the gate, and the published ports behind it. */
import { open } from "node:fs/promises";
import { QnError } from "../../base/errors.ts";
import { type Boot, doorbellPort, gateGuestPort, type Open } from "../../protocol/messages.ts";
import type { Address } from "../../system/connection.ts";
import { dockerApi } from "../../system/docker-api.ts";
import { hideHostPorts } from "../firewall.ts";
import { openGate } from "../gate.ts";
import { HostLink, type Identity } from "../link.ts";
import { keyOf, type ServedPort } from "./published.ts";
import { watchDocker } from "./watch.ts";

const dockerSocket = "/run/docker.sock";

/** Serves until `signal` fires; `onReady` is called once the gate listens. Throws the system's error when it cannot. */
export async function servePorts(
  boot: Boot,
  identity: Identity,
  options: { signal: AbortSignal; onReady: () => void },
): Promise<void> {
  await hideHostPorts(boot.hostPorts);
  const link = new HostLink(identity);
  let served = new Map<string, ServedPort>();
  const gate = openGate({
    secret: Buffer.from(boot.secret, "hex"),
    address: { hostname: "0.0.0.0", port: gateGuestPort },
    addressOf: (request) => targetOf(request, served),
    onControl: (connection, early) => link.adopt(connection, early),
  });
  options.onReady();
  const doorbell = await ring();
  const onPorts = (ports: readonly ServedPort[]): void => {
    served = new Map(ports.map((port) => [keyOf(port), port]));
    link.reportPorts(ports.map(({ target: _target, ...port }) => port));
  };
  try {
    await watchDocker(
      dockerApi(dockerSocket),
      { onPorts, onDocker: (state) => link.reportDocker(state), onTrouble: (text) => link.log(text) },
      options.signal,
    );
  } finally {
    gate.closeAll();
    await doorbell?.close();
  }
}

// --- internal ---

/** Where a stream leads: Docker's socket, or the container that publishes the port now. */
function targetOf(request: Exclude<Open, { open: "control" }>, served: ReadonlyMap<string, ServedPort>): Address {
  if (request.open === "docker") return { unix: dockerSocket };
  const port = served.get(keyOf(request));
  if (port === undefined) {
    throw new QnError("AGENT_FAILED", `No container publishes ${request.protocol} port ${request.hostPort}.`);
  }
  return port.target;
}

/**
 * Rings the host: QEMU tells it (VSERPORT_CHANGE) when a process holds this port open, so it need not try the gate
 * again and again while the guest boots. No byte ever passes. A guest without the port is found by the host's own tries.
 */
async function ring() {
  try {
    return await open(`/dev/virtio-ports/${doorbellPort}`, "r+");
  } catch {
    return undefined;
  }
}
