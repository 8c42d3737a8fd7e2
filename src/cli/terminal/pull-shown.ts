/** How an image is fetched, as a person sees it: its steps, and on a terminal how much has come. */
import type { PullTold } from "../../host/image/pull/pull.ts";
import { progressLine } from "./progress.ts";
import { showPhase } from "./show.ts";

/** Shows a pull of a command that began at `startedAtMs`, until it is disposed of. */
export function pullShown(startedAtMs: number): PullTold & Disposable {
  const progress = progressLine();
  return {
    onPhase: (text) => showPhase(text, Date.now() - startedAtMs),
    onBytes(bytes, totalBytes) {
      progress.show(bytes, totalBytes);
      if (bytes === totalBytes) progress[Symbol.dispose]();
    },
    [Symbol.dispose]: () => progress[Symbol.dispose](),
  };
}
