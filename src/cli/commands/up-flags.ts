/** From the flags of `qn up` to settings. */
import { resolve } from "node:path";
import type { ConfigInput, Share } from "../../host/config/schema.ts";

/** The flags that stand for one setting each; what was not given is undefined. */
export type SimpleFlags = {
  readonly cpus?: number | undefined;
  readonly memoryMiB?: number | undefined;
  readonly diskGiB?: number | undefined;
  readonly arch?: string | undefined;
  readonly accel?: string | undefined;
  readonly image?: string | undefined;
};

/** The settings that the flags name; the configuration's schema judges the values, with all other settings. */
export function settingsOf(flags: SimpleFlags): ConfigInput {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** The folders that `--mount` names, which may be given many times. Relative paths start at `cwd`. */
export function mountsIn(rawArgs: readonly string[], cwd: string): readonly Share[] {
  return rawArgs.flatMap((word, index) => {
    const value = word.startsWith("--mount=") ? word.slice("--mount=".length) : undefined;
    const text = value ?? (word === "--mount" ? rawArgs[index + 1] : undefined);
    if (text === undefined) return [];
    const readOnly = text.endsWith(":ro");
    return [{ path: resolve(cwd, readOnly ? text.slice(0, -":ro".length) : text), readOnly }];
  });
}
