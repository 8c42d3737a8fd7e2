/** How a time zone is told at boot. */
import * as v from "valibot";

/** The rules of a zone as a file of them (tzfile(5)) in base64, some 2 KB, and its name such as "Europe/Berlin". */
export const timeZoneSchema = v.object({
  rules: v.pipe(v.string(), v.base64(), v.maxLength(8_192)),
  name: v.optional(v.pipe(v.string(), v.maxLength(64), v.regex(/^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/))),
});

export type TimeZone = v.InferOutput<typeof timeZoneSchema>;
