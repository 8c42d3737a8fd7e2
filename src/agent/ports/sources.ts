/** Other sources of ports than Docker: each lists what it has, and says when that may have changed. */
import { messageOf } from "../../base/errors.ts";
import { after, pause } from "../../system/clock.ts";
import type { PortTable } from "./port-table.ts";
import { Lister } from "../../base/lister.ts";
import type { ServedPort } from "./published.ts";

/** A source. `follow` resolves or throws when it cannot go on. */
export type PortWatch = {
  readonly name: string;
  list(): Promise<readonly ServedPort[]>;
  follow(onNudge: () => void, signal: AbortSignal): Promise<void>;
};

/** Between two tries to follow a source, and until what happened while a follower started has been looked at again. */
const retryMs = 5_000;

/**
 * So long after one look the next comes at the earliest. A kernel tells of each bind(2), also of those that a program
 * makes for each name that it looks up, and a look takes some 10 ms of a processor.
 */
const calmMs = 100;

/** Passes nudges on: the first at once, and all that come soon after one as another. */
export function calmed(nudge: () => void, wait: (delayMs: number, action: () => void) => unknown = after): () => void {
  let isCalm = true;
  let isAgain = false;
  const pass = (): void => {
    isCalm = false;
    isAgain = false;
    nudge();
    wait(calmMs, () => {
      isCalm = true;
      if (isAgain) pass();
    });
  };
  return () => {
    if (isCalm) pass();
    else isAgain = true;
  };
}

/** Keeps a source's ports in the table until `signal` fires. Never throws: what goes wrong is told, and tried again. */
export async function watchSource(
  source: PortWatch,
  table: PortTable,
  { signal, onTrouble }: { readonly signal: AbortSignal; readonly onTrouble: (text: string) => void },
): Promise<void> {
  const lister = new Lister(
    () => source.list(),
    // A list may come after its end.
    (ports) => table.setPublished(signal.aborted ? [] : ports, source.name),
  );
  const onFailed = (error: unknown): void => onTrouble(`${source.name}: ${messageOf(error)}`);
  const nudge = (): void => lister.nudge(() => table.publish(), onFailed);
  while (!signal.aborted) {
    const following = source.follow(calmed(nudge), signal);
    nudge();
    // A follower that has just been started may have missed what happened before it listened.
    void pause(retryMs, signal).then(nudge);
    await following.catch(onFailed);
    await pause(retryMs, signal);
  }
  table.setPublished([], source.name);
}
