/** Exit statuses that are no failure's: those of questions with an answer. */
import { errorTable } from "../base/errors.ts";

/**
 * `problem`: doctor has found one. `newer`: there is a newer qn. `notRunning`: as of systemctl(1) (LSB), also of a
 * service that is not installed.
 */
export const statuses = { done: 0, problem: 2, newer: 2, notRunning: 3 } as const;

/** Every status of qn's own, by number; `code` is that of a failure. */
export function statusTable(): readonly { readonly exit: number; readonly code: string; readonly text: string }[] {
  const answers = [
    { exit: statuses.done, code: "", text: "Done." },
    {
      exit: statuses.problem,
      code: "",
      text: "`qn doctor` has found a problem. `qn upgrade --check`: there is a newer qn.",
    },
    {
      exit: statuses.notRunning,
      code: "",
      text: "`qn status`: the VM does not run. `qn service status`: the service is not installed.",
    },
  ];
  const failures = errorTable().map(({ exit, code, hint }) => ({ exit, code, text: hint }));
  return [...answers, ...failures].toSorted((one, other) => one.exit - other.exit);
}

/** The commands that end with the status of what they ran in the guest. */
export const passedOn = "`qn ssh`, `qn container shell` and `qn container logs` end with the status of what ran there.";
