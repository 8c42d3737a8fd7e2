/** The rules of `ports.deny`, apart from the table of settings: whoever reads a status needs these alone. */

/** The ports of a rule of `ports.deny`, both ends in them; nothing when it is no rule. */
export function rangeOf(rule: number | string): { readonly first: number; readonly last: number } | undefined {
  const [, begin = "", end = begin] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(`${rule}`) ?? [];
  const [first, last] = [Number(begin), Number(end)];
  return first >= 1 && first <= last && last <= 65_535 ? { first, last } : undefined;
}
