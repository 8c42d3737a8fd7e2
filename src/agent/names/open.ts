/** The guest's names, opened: a server for them, and all questions of the guest brought to it. */
import { namesGuestPort, slirp } from "../../protocol/messages.ts";
import { askServer } from "../../system/dns.ts";
import { HostNames } from "./host-names.ts";
import { interceptNames } from "./intercept.ts";
import { serveNames } from "./dns-server.ts";

/** Who is asked while no supervisor is there: slirp asks the first server of the host's resolv.conf. */
const slirpResolver = { hostname: slirp.resolver, port: 53 };
const slirpMs = 5_000;

/**
 * Serves until `close`; `host` takes the stream on which the host answers. Throws when the port is taken or nftables
 * refuses.
 */
export async function openNames(
  onTrouble: (text: string) => void,
): Promise<{ readonly host: HostNames; close(): void }> {
  const host = new HostNames((question) => askServer(slirpResolver, question, slirpMs), onTrouble);
  const where = { hostname: slirp.guest, port: namesGuestPort };
  const server = await serveNames(where, (question) => host.ask(question), onTrouble);
  await interceptNames();
  return { host, close: () => server.close() };
}
