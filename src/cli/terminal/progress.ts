/** The progress of a copy: one line on standard error that is redrawn as bytes are transferred, on a terminal only. */
import { byteSize, duration } from "../../base/words.ts";
import { sayAsError } from "../../system/standard-error.ts";
import { succeed } from "./show.ts";

/** A progress line until it is disposed of; `done` replaces it by what was copied. */
export type Progress = Disposable & {
  readonly show: (bytes: number, total: number | undefined) => void;
  readonly done: () => void;
};

/** A progress line where standard error is a terminal, elsewhere one that shows nothing. */
export function progressLine(): Progress {
  return process.stderr.isTTY ? shownProgress() : hiddenProgress;
}

// --- internal ---

const hiddenProgress: Progress = { show: () => {}, done: () => {}, [Symbol.dispose]: () => {} };

/** The least time between two redraws. */
const redrawMs = 200;

/** Carriage return, and erase the line (ECMA-48: EL). */
const wipe = "\r\u001b[K";

function shownProgress(): Progress {
  const startedAtMs = Date.now();
  /** When the first bytes came: the rate leaves out the time for the connection. */
  let firstAtMs: number | undefined;
  let drawnAtMs = 0;
  let copied = 0;
  const hide = (): void => void (drawnAtMs > 0 && sayAsError(wipe));
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
      sayAsError(`${wipe}${byteSize(bytes)}${of}, ${rate}/s`);
    },
    done() {
      hide();
      drawnAtMs = 0;
      succeed(`${byteSize(copied)} copied in ${duration(Date.now() - startedAtMs)}`);
    },
    [Symbol.dispose]: hide,
  };
}
