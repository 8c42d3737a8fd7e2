/** The host's message about names: how it completes those that are short. */
import * as v from "valibot";

/** The most words of either kind, and what a word may be: both end in a file of the guest, one line each. */
export const searchMax = 32;
export const suffixPattern = /^(?=.{1,253}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$/i;
export const optionPattern = /^[a-z0-9][a-z0-9-]{0,31}(?::\d{1,5})?$/;

/** The `search` and `options` of the host's resolv.conf (resolv.conf(5)), whole each time. */
export const namesSchema = v.object({
  type: v.literal("names"),
  search: v.pipe(v.array(v.pipe(v.string(), v.regex(suffixPattern))), v.maxLength(searchMax)),
  options: v.pipe(v.array(v.pipe(v.string(), v.regex(optionPattern))), v.maxLength(searchMax)),
});

export type NamesMessage = v.InferOutput<typeof namesSchema>;
