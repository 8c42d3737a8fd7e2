/** A setting's value and where it comes from, in words. */
import type { Origin } from "../../host/config/load.ts";

/** The value as a person reads it. */
export function valueWords(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Who has set it: a file, a variable, the command line, or nobody. */
export function originWords(origin: Origin): string {
  switch (origin.from) {
    case "default":
      return "default";
    case "file":
      return origin.path;
    case "environment":
      return origin.variable;
    case "flag":
      return "the command line";
  }
}
