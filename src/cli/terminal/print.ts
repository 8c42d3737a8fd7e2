/** Data on standard output, for programs and for people. */
import { writeSync } from "node:fs";
import type { QnError } from "../../base/errors.ts";
import { plain, plainJson } from "../../base/plain.ts";
import type { ControlEvent } from "../../host/supervisor/messages.ts";
import type { JsonOutputs } from "../json-outputs.ts";
import { output } from "./output.ts";
import { tableLines } from "./table.ts";

/** The version of all JSON. It grows when a field goes or means something else; new fields leave it as it is. */
export const jsonSchema = 1;

/** Data for a program, each object with the version of its fields; `_name` lets the compiler hold it to its type. */
export function printJson<Name extends keyof JsonOutputs>(_name: Name, value: JsonOutputs[Name]): void {
  const isList = (given: JsonOutputs[Name] | readonly object[]): given is readonly object[] => Array.isArray(given);
  write(`${plainJson(JSON.stringify(isList(value) ? value.map(versioned) : versioned(value), undefined, 2))}\n`);
}

/**
 * One object of several, on a line. By the stream, which lets signals through while the reader of a pipe takes its
 * time.
 */
export function printJsonLine<Name extends keyof JsonOutputs>(_name: Name, value: JsonOutputs[Name]): void {
  output(jsonLine(value));
}

/** What happens, with its time; answers to requests are no events. */
export function printEvent(event: ControlEvent): void {
  if (event.event === "forwarded" || event.event === "grown" || event.event === "refused") return;
  printJsonLine("events", { at: new Date().toISOString(), ...event });
}

/** A failure for a program that asked for JSON: one object on one line, in the place of what was asked for. */
export function printFailure({ code, message, hint, exit, details }: QnError): void {
  const failure: JsonOutputs["failure"] = { error: { code, message, hint, status: exit, details } };
  write(jsonLine(failure));
}

/** Data for a person: rows under headings, as wide as they need to be. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  printLines(tableLines(headings, rows));
}

/** Lines for a person, each with its newline; whoever has written them, a terminal takes no command from them. */
export function printLines(lines: readonly string[]): void {
  printWords(lines.map(plain));
}

/** Lines as they are, for programs: paths and words that a person here has chosen. */
export function printWords(lines: readonly string[]): void {
  write(lines.map((line) => `${line}\n`).join(""));
}

// --- internal ---

function versioned(value: object): object {
  return { schema: jsonSchema, ...value };
}

function jsonLine(value: object): string {
  return `${plainJson(JSON.stringify(versioned(value)))}\n`;
}

/** Whether Node's stream has taken over: what it has not written yet must not be overtaken. */
let isStreamed = false;

/**
 * Node's stream takes some 3 of the 15 ms of `qn status` to be made, so that it is left to where writing is more than
 * that: a pipe that is full and must not be waited for (EAGAIN), or whose reader has gone (EPIPE).
 */
function write(text: string): void {
  const bytes = Buffer.from(text);
  const written = isStreamed ? 0 : writtenAtOnce(bytes);
  if (written === bytes.length) return;
  isStreamed = true;
  // It fails for the same reason, if that lasts, and then says so as for everybody else.
  output(bytes.subarray(written));
}

/** How many of the bytes standard output takes before it takes no more. */
function writtenAtOnce(bytes: Uint8Array): number {
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(1, bytes, written);
  } catch {
    // The stream meets it again.
  }
  return written;
}
