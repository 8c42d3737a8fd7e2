/** One option of QEMU's command line; the only place that escapes. */

/** The values of an option; one that is undefined is left out. */
export type OptionValues = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * `-flag head,key=value,…`. QEMU splits at commas and reads a doubled one as a comma (qemu-options: "commas must be
 * doubled"). `head` is qn's own text and stays as it is; only values are escaped, so paths belong there. Booleans
 * become on and off.
 */
export function option(flag: string, head: string | undefined, values: OptionValues = {}): readonly string[] {
  const parts = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escaped(value)}`],
  );
  return [flag, [...(head === undefined ? [] : [head]), ...parts].join(",")];
}

/** A value of JSON: what the other form cannot say, such as null. */
export type Json = string | number | boolean | null | { readonly [key: string]: Json };

/** `-flag {…}`, for the options that take JSON. */
export function jsonOption(flag: string, value: { readonly [key: string]: Json }): readonly string[] {
  return [flag, JSON.stringify(value)];
}

// --- internal ---

function escaped(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  return String(value).replaceAll(",", ",,");
}
