/** What `qn cp` does: finds the VM, copies, and shows how far it is when somebody looks on. */
import { QnError } from "../../base/errors.ts";
import { byteSize, duration } from "../../base/words.ts";
import { copy } from "../../host/cp/copy.ts";
import { parseDirection } from "../../host/cp/place.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { vmHere } from "../vm-here.ts";
import { succeed } from "../terminal/show.ts";
import { interruption } from "../terminal/signals.ts";

/** Copies one file or folder. Throws USAGE, NO_SUCH_VM, NOT_RUNNING, and what `copy` throws. */
export async function runCopy(source: string, destination: string): Promise<void> {
  const { from, to } = parseDirection(source, destination);
  const { paths } = vmHere(from.at === "guest" ? from.vm : to.at === "guest" ? to.vm : "default");
  const status = await statusOfVm(paths, process.env);
  if (status.ssh.port === null && status.state !== "degraded") {
    throw new QnError("NOT_RUNNING", `The VM "${paths.name}" is ${status.state}.`);
  }
  using interrupted = interruption();
  using meter = process.stderr.isTTY ? shownMeter() : hiddenMeter;
  await copy({ from, to, paths, signal: interrupted.signal, onProgress: meter.show });
  meter.done();
}

// --- internal ---

type Meter = Disposable & {
  readonly show: (bytes: number, total: number | undefined) => void;
  readonly done: () => void;
};

const hiddenMeter: Meter = { show: () => {}, done: () => {}, [Symbol.dispose]: () => {} };

/** How often a person looks. */
const redrawMs = 200;

/** To the line's start, and clear it (ECMA-48: EL). */
const wipe = "\r\u001b[K";

/** One line on standard error that is drawn anew while bytes pass. */
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
