/** A guest without a supervisor: when its Docker answers for the first time. */
import { rm } from "node:fs/promises";
import { carryClient } from "../../src/host/gate/stream.ts";
import { dial } from "../../src/host/gate/dial.ts";
import type { QmpClient } from "../../src/host/qmp/client.ts";
import { listen } from "../../src/system/net/connection.ts";

/** What of a boot's record leads to its guest. */
export type BareBoot = { readonly gatePort: number; readonly secret: string };

/** Resolves with the answer to a `_ping` through the guest's gate, for which there is a socket at `socket` meanwhile. */
export async function awaitDocker(qmp: QmpClient, boot: BareBoot, socket: string): Promise<void> {
  const rung = Promise.withResolvers<void>();
  qmp.onEvent(({ name, data }) => {
    if (name === "VSERPORT_CHANGE" && data["open"] === true) rung.resolve();
  });
  await rung.promise;
  const proven = await dial({ port: boot.gatePort, secret: Buffer.from(boot.secret, "hex") });
  await rm(socket, { force: true });
  const listener = listen({ unix: socket }, (client) => {
    client.pause();
    carryClient(client, proven, { open: "docker" });
  });
  const answer = await fetch("http://docker/_ping", { unix: socket });
  if ((await answer.text()) !== "OK") throw new Error("Docker does not answer OK.");
  listener.closeAll();
}
