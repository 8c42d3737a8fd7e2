/** Unix sockets that are what their names say. */
import { boundName } from "../kernel/bound-name.ts";
import { connect, type Connection } from "./connection.ts";

/**
 * Opens a connection to a Unix socket, with the name that its server has bound it to: renamed, linked to or reached by
 * another way it still is that name. "" when it has none. Throws as `connect` does.
 */
export async function connectToNamed(
  path: string,
): Promise<{ readonly connection: Connection; readonly boundTo: string }> {
  const connection = await connect({ unix: path });
  return { connection, boundTo: boundName(connection.descriptor ?? -1) };
}
