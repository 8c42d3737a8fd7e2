/** The setting `volumes`: further disks of a VM, each with a name of its own. */
import * as v from "valibot";
import { ownDiskNames, volumePattern, volumesMax } from "../../protocol/disks.ts";

/** One, as people write it. */
const example = "{ name: db, sizeGiB: 20 }";

/** The schema of the list; `size` is the one of a size in GiB. */
export const volumesOf =
  <Size extends v.GenericSchema<number>>(size: () => Size) =>
  () => {
    const volume = v.strictObject(
      {
        name: v.pipe(
          v.string("must be text"),
          v.regex(
            volumePattern,
            "must be a name of lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 16 characters",
          ),
          v.check((name) => !ownDiskNames.includes(name), `must be another one than ${ownDiskNames.join(" and ")}`),
        ),
        sizeGiB: size(),
      },
      `must be a mapping such as ${example}`,
    );
    return v.pipe(
      v.array(volume, `must be a list such as [${example}]`),
      v.maxLength(volumesMax, `must have at most ${volumesMax} entries`),
      v.check((list) => new Set(list.map(({ name }) => name)).size === list.length, "must not name a disk twice"),
      v.readonly(),
    );
  };
