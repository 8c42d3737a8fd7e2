/** The host's proxy as the guest's Docker is to use it. */
import { slirp } from "../../../protocol/messages.ts";
import type { Environment } from "../../vm/settings.ts";

/** Variables for dockerd, under both spellings: Go reads the upper case, programs that it starts may read the lower. */
export type ProxySettings = Readonly<Record<string, string>>;

/**
 * Names and addresses that are reached without a proxy, whatever the host says: the guest, its host and slirp's
 * network.
 */
const localNames = "localhost,127.0.0.0/8,::1,10.0.2.0/24,host.docker.internal,gateway.docker.internal";

/**
 * HTTP_PROXY and its friends as dockerd is to have them; empty when the host has no proxy. A proxy at the host's own
 * loopback is at 10.0.2.2 for the guest. Of two spellings the upper case wins, as in Go.
 */
export function proxySettings(env: Environment): ProxySettings {
  const given = (name: string): string => [env[name], env[name.toLowerCase()]].find((text) => isUsable(text)) ?? "";
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY"].map((name) => [name, seenByGuest(given(name))] as const);
  const set = proxies.filter(([, url]) => url !== "");
  if (set.length === 0) return {};
  const direct = given("NO_PROXY");
  const all = [...set, ["NO_PROXY", direct === "" ? localNames : `${direct},${localNames}`] as const];
  return Object.fromEntries(
    all.flatMap(([name, value]) => [[name, value] as const, [name.toLowerCase(), value] as const]),
  );
}

// --- internal ---

/** A line end or another control character is in no proxy's URL, and must not end up in a list of variables. */
function isUsable(text: string | undefined): boolean {
  return text !== undefined && text !== "" && !/\p{Cc}/u.test(text);
}

/** The scheme and the user may be missing; a password may hold what is no valid URL. */
function seenByGuest(url: string): string {
  return url.replace(
    /^([a-z0-9+.-]+:\/\/)?(.*@)?(localhost|127(?:\.\d+){3}|\[::1\])(?=[:/]|$)/i,
    (_all, scheme, user) => [scheme, user, slirp.host].filter((part) => part !== undefined).join(""),
  );
}
