/**
 * This tree's qn as on a Mac: the system says that it is one, and calls of the C library are macOS' (mac-calls.c). Only
 * what serves a mount finds its calls there. Started in the place of src/main.ts.
 */
import { cc, type FFIFunction } from "bun:ffi";
import { join } from "node:path";
import { plugin } from "bun";

const source = join(import.meta.dir, "mac-calls.c");

/** What `fromLibrary` is on a Mac here. */
export function fromLibrary(functions: Readonly<Record<string, FFIFunction>>): () => Record<string, unknown> {
  let loaded: Record<string, unknown> | undefined;
  return () => (loaded ??= load(functions));
}

Object.defineProperty(process, "platform", { value: "darwin" });
await plugin({
  name: "as on a Mac",
  setup(build) {
    build.onLoad({ filter: /\/system\/kernel\/library\.ts$/ }, () => ({
      exports: { fromLibrary },
      loader: "object",
    }));
  },
});
await import("../../../src/main.ts");

// --- internal ---

function load(functions: Readonly<Record<string, FFIFunction>>): Record<string, unknown> {
  const own = Object.fromEntries(Object.entries(functions).map(([name, each]) => [`mac_${name}`, each]));
  const { symbols } = cc({ source, symbols: own });
  return Object.fromEntries(Object.entries(symbols).map(([name, each]) => [name.replace(/^mac_/, ""), each]));
}
