/** How an image is fetched, as a person sees it: its steps, and on a terminal how much has come. */
import type { PullTold } from "../../host/image/pull/pull.ts";
import { progressLine } from "./progress.ts";

/** Shows a pull until it is disposed of; `onPhase` says its steps. */
export function pullShown(onPhase: PullTold["onPhase"]): PullTold & Disposable {
  const progress = progressLine();
  return {
    onPhase,
    onBytes(bytes, totalBytes) {
      progress.show(bytes, totalBytes);
      if (bytes === totalBytes) progress[Symbol.dispose]();
    },
    [Symbol.dispose]: () => progress[Symbol.dispose](),
  };
}
