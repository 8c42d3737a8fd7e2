/** What install.sh writes down of what it installed: `share/qn/install.json` below the prefix. */
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";

/** Where it is below the prefix. */
export const receiptFile = "share/qn/install.json";

/** A file below the prefix that may be removed again: nothing outside of bin and share. */
const installedFile = v.pipe(v.string(), v.regex(/^(bin|share)(\/(?!\.\.?\/)[\w.@-]+)+$/, "is no file of qn's"));

const receiptSchema = v.object({
  format: v.literal(1),
  /** The mirror that it came from; qn's own releases where there is none. */
  base: v.nullable(v.string()),
  /** The mirror's public key, as between the lines of its PEM. */
  key: v.nullable(v.string()),
  files: v.array(installedFile),
});

/** What was installed, and from where. */
export type Receipt = v.InferOutput<typeof receiptSchema>;

/** Reads one. Throws UPGRADE_REFUSED with the field that is wrong. */
export function parseReceipt(text: string, path: string): Receipt {
  try {
    return v.parse(receiptSchema, JSON.parse(text));
  } catch (cause) {
    throw new QnError("UPGRADE_REFUSED", `${path} is not what install.sh writes.`, {
      cause,
      hint: "Run it once more.",
    });
  }
}

/** As install.sh writes it, which reads it line by line. */
export function formatReceipt(receipt: Receipt): string {
  return `${JSON.stringify({ ...receipt, files: [...new Set(receipt.files)].toSorted() }, undefined, 2)}\n`;
}
