/** The lanes: virtio-serial ports that carry streams of published ports past slirp. */
import * as v from "valibot";
import { laneCount, lanePorts } from "./lane-ports.ts";

/** The host is connected to these ports, and waits at each for the token, as bytes, from the agent that opens it. */
export const lanesSchema = v.object({
  type: v.literal("lanes"),
  ports: v.pipe(v.array(v.picklist(lanePorts)), v.maxLength(laneCount)),
  token: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
