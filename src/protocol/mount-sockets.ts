/**
 * How a socket is named on which a container listens in a folder of the host's: the server of the mount says it to the
 * supervisor, and the host to the guest.
 */
import * as v from "valibot";
import { parserOf } from "./parser.ts";

/** PATH_MAX of Linux. */
const pathLettersMax = 4_096;

/** The longest line that says one: JSON writes a control character as six letters. */
export const mountSocketBytesMax = 6 * pathLettersMax + 256;

/** A share by its tag, and a path in it that leads nowhere else. */
export const mountSocketEntries = {
  tag: v.pipe(v.string(), v.maxLength(64)),
  path: v.pipe(
    v.string(),
    v.maxLength(pathLettersMax),
    v.check(
      (path) => path.split("/").every((name) => !["", ".", ".."].includes(name) && !name.includes("\0")),
      "A path in a mount has only names",
    ),
  ),
};

const mountSocketSchema = v.object(mountSocketEntries);

/** One of them. */
export type MountSocket = v.InferOutput<typeof mountSocketSchema>;

/** Parses the line of a mount's server. Throws PROTOCOL with what is wrong. */
export const parseMountSocket = parserOf("socket of a mount", mountSocketSchema);
