/** Reads the map in which systemd-nspawn keeps the ports that it publishes (`--port`, `forwardPorts` on NixOS). */
import * as v from "valibot";
import { portSchema } from "../../protocol/terms.ts";

/** One published port: `address` and `port` are the machine's. */
export type NspawnPort = {
  readonly protocol: "tcp" | "udp";
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
};

/** Families of netfilter that have such a table, and what every table and map of nspawn's is called. */
export const nspawnFamilies = ["ip", "ip6"] as const;
export const nspawnTable = "io.systemd.nat";
export const nspawnMap = "map_port_ipport";

/**
 * The ports in the output of `nft -j list map …`. nspawn makes rules and no listening socket, so this is the only place
 * where they are to be seen. Nothing but what is understood: an element of another shape is left out.
 */
export function nspawnPortsIn(json: string): NspawnPort[] {
  const listing = v.safeParse(listingSchema, parsed(json));
  if (!listing.success) return [];
  return listing.output.nftables.flatMap(({ map }) =>
    (map?.elem ?? []).flatMap((element) => {
      const known = v.safeParse(elementSchema, element);
      if (!known.success) return [];
      const [from, to] = known.output;
      return { protocol: from.concat[0], hostPort: from.concat[1], address: to.concat[0], port: to.concat[1] };
    }),
  );
}

// --- internal ---

const listingSchema = v.object({
  nftables: v.array(v.object({ map: v.optional(v.object({ elem: v.optional(v.array(v.unknown())) })) })),
});

const elementSchema = v.tuple([
  v.object({ concat: v.tuple([v.picklist(["tcp", "udp"]), portSchema]) }),
  v.object({ concat: v.tuple([v.pipe(v.string(), v.maxLength(64)), portSchema]) }),
]);

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
