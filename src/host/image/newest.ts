/** Which versions of images have come out, as far as the last look at a release has left it in the cache. */
import { join } from "node:path";
import * as v from "valibot";
import { readTextIfThere } from "../../system/files.ts";

/**
 * `newest.json` in the cache: the newest version of each image that fits this qn, by name and architecture as in
 * `debian-x86_64`, with its address in the store once it is fetched. Whoever reads a release writes it.
 */
const schema = v.record(v.string(), v.object({ version: v.string(), id: v.optional(v.string()) }));

/** The newest versions that are known of; none where nobody has looked, or what is there cannot be read. */
export async function newestVersions(cacheFolder: string): Promise<v.InferOutput<typeof schema>> {
  try {
    const text = await readTextIfThere(join(cacheFolder, "newest.json"));
    return text === undefined ? {} : v.parse(schema, JSON.parse(text));
  } catch {
    return {};
  }
}
