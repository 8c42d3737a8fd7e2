/** What `qn doctor` has found, as a person reads it. */
import type { Finding } from "../../host/doctor/checks.ts";
import { wrapped } from "../help.ts";

/** What stands left of each text, in columns. */
const left = 20;

/**
 * The findings as lines for a terminal of `width` columns, or of any. What is wrong is broken between words; a fix is
 * one line, however long, since it is copied.
 */
export function doctorLines(findings: readonly Finding[], width = Infinity): readonly string[] {
  return findings.flatMap(({ check, level, text, fix }) => {
    const [first = "", ...others] = wrapped(text, Math.max(left, width - left));
    const below = fix === null ? others : [...others, fix];
    return [`${level.padEnd(5)} ${check.padEnd(13)} ${first}`, ...below.map((line) => `${" ".repeat(left)}${line}`)];
  });
}
