/** Where a stream from the host leads in the guest. */
import { QnError } from "../../base/errors.ts";
import type { OpenOnward } from "../../protocol/stream-request.ts";
import type { Address } from "../../system/net/connection.ts";
import { dockerSocket } from "../docker/socket.ts";
import type { PortTable } from "./port-table.ts";

/**
 * Docker's socket, the guest itself, or the container that publishes the port now. Throws AGENT_FAILED when none
 * does.
 */
export function targetOf(request: OpenOnward, table: Pick<PortTable, "find">): Address {
  if (request.open === "docker") return { unix: dockerSocket };
  if (request.open === "guest") return { hostname: "127.0.0.1", port: request.port };
  const target = table.find(request);
  if (target !== undefined) return target;
  throw new QnError("AGENT_FAILED", `No container publishes ${request.protocol} port ${request.hostPort}.`);
}
