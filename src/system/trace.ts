/** The trace: what a supervisor says and hears, frame by frame, for whoever looks for a fault. Off unless asked for. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { plain } from "../base/plain.ts";
import { messageOf, QnError } from "../base/errors.ts";
import { withoutSecrets } from "../base/secrets.ts";
import { sayAsError } from "./standard-error.ts";

/**
 * What can be traced: requests to the gate and messages on the control connection, lines of QEMU's monitor, and calls
 * to Docker (of a client's own only the request line).
 */
export const traceables = ["wire", "qmp", "docker"] as const;
export type Traceable = (typeof traceables)[number];

/** Away from this process, or to it. */
type Direction = "->" | "<-";

/**
 * Takes frames, by what they are of. Only what is traced has an entry, so that `tracers.qmp?.("->", text())` makes no
 * text while it is off.
 */
export const tracers: { [What in Traceable]?: (direction: Direction, frame: string) => void } = {};

/** What QN_TRACE asks for: names with commas between them. Throws CONFIG_INVALID with the list for any other name. */
export function tracesIn(variable: string | undefined): readonly Traceable[] {
  const names = (variable ?? "").split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
  const unknown = names.filter((name) => !isTraceable(name));
  if (unknown.length === 0) return traceables.filter((name) => names.includes(name));
  throw new QnError(
    "CONFIG_INVALID",
    `QN_TRACE names ${unknown.map((name) => JSON.stringify(name)).join(", ")}; what can be traced is ${traceables.join(", ")}.`,
  );
}

/** Writes frames of `wanted` to the end of the file, which is its owner's alone, until disposed. None makes no file. */
export function openTrace(wanted: readonly Traceable[], path: string): Disposable {
  if (wanted.length === 0) return { [Symbol.dispose]: () => {} };
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  const stop = (): void => {
    for (const what of wanted) delete tracers[what];
  };
  for (const what of wanted) {
    tracers[what] = (direction, frame) => {
      try {
        writeSync(fd, `${new Date().toISOString()} ${what} ${direction} ${shown(frame)}\n`);
      } catch (error) {
        // A full disk is no reason to lose a VM.
        stop();
        sayAsError(`the trace ends: ${messageOf(error)}\n`);
      }
    };
  }
  return {
    [Symbol.dispose]() {
      stop();
      closeSync(fd);
    },
  };
}

/**
 * The first line of a request, such as "POST /v1.45/build?buildargs=…"; nothing when the bytes begin with none. Values
 * of a query stay out: arguments of a build are among them, and names of files.
 */
export function requestLineIn(bytes: Uint8Array): string | undefined {
  const begin = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, lineCharactersMax)).toString(
    "latin1",
  );
  const [, method, target = ""] = /^([A-Z]{3,10}) (\/\S*) HTTP\/1\.[01]\r\n/.exec(begin) ?? [];
  return method === undefined ? undefined : requestLine(method, target);
}

/** The same of a method and a target. */
export function requestLine(method: string, target: string): string {
  const [path = "", query] = target.split("?", 2);
  const names = (query ?? "").split("&").map((pair) => `${pair.split("=", 1)[0] ?? ""}=…`);
  return `${method} ${path}${query === undefined ? "" : `?${names.join("&")}`}`;
}

/** A frame as one line of the trace: without secrets, and nothing in it that a terminal would take for a command. */
export function shown(frame: string): string {
  const line = plain(withoutSecrets(withoutPrivate(frame.trimEnd())));
  const rest = line.length - lineCharactersMax;
  return rest > 0 ? `${line.slice(0, lineCharactersMax)}… and ${rest} more` : line;
}

// --- internal ---

/** The most of a frame that is shown: a report of a thousand ports says little more than its beginning. */
const lineCharactersMax = 4_000;

/** Names of members that prove something or are somebody's own; `last` is what a command of `provision` has said. */
const privateNames = /secret|nonce|proof|token|passw|auth|credential|keys?$|^env|proxy|^last$/i;

/** JSON with the values of such members blotted out; whatever else it is stays. */
function withoutPrivate(frame: string): string {
  if (!frame.startsWith("{")) return frame;
  try {
    return JSON.stringify(JSON.parse(frame), (name, value: unknown) => (privateNames.test(name) ? "[secret]" : value));
  } catch {
    // What is no JSON has not been checked by anybody, and may be the half of anything.
    return `${frame.length} characters that are no JSON`;
  }
}

function isTraceable(name: string): boolean {
  return traceables.some((each) => each === name);
}
