/** The supervisor's own log, whose lines have their time. */
import { plain } from "../../base/plain.ts";
import { sayAsError } from "../../system/standard-error.ts";

/** Writes lines of a log, standard error unless given; one each, whatever words of the guest's are in it. */
export function logTo(write: (line: string) => void = sayAsError): (text: string) => void {
  return (text) => write(`${new Date().toISOString()} ${plain(text)}\n`);
}
