/** How far a copy is: one line on standard error that is drawn anew while bytes pass, when somebody looks on. */
import { byteSize, duration } from "../../base/words.ts";
import { succeed } from "./show.ts";

/** Shows progress until it is disposed of; `done` says how much was copied. */
export type Meter = Disposable & {
  readonly show: (bytes: number, total: number | undefined) => void;
  readonly done: () => void;
};

/** A meter for a terminal, or one that says nothing where standard error is none. */
export function progressMeter(): Meter {
  return process.stderr.isTTY ? shownMeter() : hiddenMeter;
}

// --- internal ---

const hiddenMeter: Meter = { show: () => {}, done: () => {}, [Symbol.dispose]: () => {} };

/** How often a person looks. */
const redrawMs = 200;

/** To the line's start, and clear it (ECMA-48: EL). */
const wipe = "\r\u001b[K";

function shownMeter(): Meter {
  const startedAtMs = Date.now();
  /** When the first bytes came: until then nothing but the way was made. */
  let firstAtMs: number | undefined;
  let drawnAtMs = 0;
  let copied = 0;
  const hide = (): void => void (drawnAtMs > 0 && process.stderr.write(wipe));
  return {
    show(bytes, total) {
      copied = bytes;
      const nowMs = Date.now();
      firstAtMs ??= nowMs;
      if (nowMs - Math.max(drawnAtMs, firstAtMs) < redrawMs) return;
      drawnAtMs = nowMs;
      const rate = byteSize(Math.round((bytes * 1000) / Math.max(1, nowMs - firstAtMs)));
      const of =
        total === undefined ? "" : ` of ${byteSize(total)} (${Math.floor((100 * bytes) / Math.max(1, total))} %)`;
      process.stderr.write(`${wipe}${byteSize(bytes)}${of}, ${rate}/s`);
    },
    done() {
      hide();
      drawnAtMs = 0;
      succeed(`${byteSize(copied)} copied in ${duration(Date.now() - startedAtMs)}`);
    },
    [Symbol.dispose]: hide,
  };
}
