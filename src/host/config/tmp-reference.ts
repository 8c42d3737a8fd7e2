/** What `files.tmp` may say. */
import * as v from "valibot";
import { cleanPath } from "../../base/words.ts";

/** All of /tmp, none of it, or a folder that lies in it; on macOS /tmp leads to /private/tmp. */
export const tmpReference = () =>
  v.pipe(
    v.string("must be text"),
    v.check((value) => value === "all" || value === "none" || isInTmp(value), "must be all, none, or a folder in /tmp"),
  );

// --- internal ---

function isInTmp(path: string): boolean {
  return /^(\/private)?\/tmp\/./.test(path) && !path.includes("\0") && path.length < 4_096 && cleanPath(path) === path;
}
