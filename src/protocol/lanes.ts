/** The lanes: virtio-serial ports that carry streams of published ports past slirp. */
import * as v from "valibot";

/** As many as a browser, or a client of a database, has connections open at once; more streams take the gate. */
const laneCount = 8;

/** The names of the ports. */
export const lanePorts: readonly string[] = Array.from({ length: laneCount }, (_, index) => `qn.lane.${index}`);

/** The host is connected to these ports, and waits at each for the token, as bytes, from the agent that opens it. */
export const lanesSchema = v.object({
  type: v.literal("lanes"),
  ports: v.pipe(v.array(v.picklist(lanePorts)), v.maxLength(laneCount)),
  token: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
