/** A setting's value and where it comes from, in words. */
import type { Origin } from "../../host/config/load.ts";

/** The value as a person reads it. */
export function valueWords(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Who has set it: a file, a variable, the command line, or nobody; `rule` is then where the default is from. */
export function originWords(origin: Origin, rule?: string): string {
  switch (origin.from) {
    case "default":
      return rule === undefined ? "default" : `default (${rule})`;
    case "file":
      return origin.path;
    case "environment":
      return origin.variable;
    case "flag":
      return "the command line";
  }
}
