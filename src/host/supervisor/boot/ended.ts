/** The errors of a QEMU that is no more, and what is told of one that is started once more. */
import { type ErrorReport, QnError, reportOf } from "../../../base/errors.ts";
import type { VmPaths } from "../../layout.ts";
import type { Teller } from "../options.ts";
import { tailOf } from "./serial.ts";

/** There is none that could be ended. */
export const noQemu: ErrorReport = reportOf(new QnError("QEMU_EXITED", "QEMU does not run."));

/** It has ended in this way, with its last words and its guest's. */
export function endedEarly({ logs }: Pick<VmPaths, "logs">, how: string): ErrorReport {
  const details = [...tailOf(logs.qemu, 5), ...tailOf(logs.serial, 10)];
  return reportOf(new QnError("QEMU_EXITED", `${how} while the VM was needed.`, { details }));
}

/** Tells that it has crashed while its guest booted. */
export function tellOfCrash({ logs }: Pick<VmPaths, "logs">, { warn, log }: Pick<Teller, "warn" | "log">): void {
  warn("QEMU crashed while the guest booted; it is started once more.");
  for (const line of tailOf(logs.qemu, 5)) log(`QEMU's last words: ${line}`);
}
