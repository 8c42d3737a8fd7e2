/** What `qn` and the supervisor of a VM say to each other over the control socket. */
import * as v from "valibot";
import { isErrorCode, QnError } from "../../base/errors.ts";
import { arches } from "../../base/words.ts";
import { handForwardSchema } from "../ports/by-hand.ts";
import { refusals } from "../ports/listener-plan.ts";
import { sources } from "../ports/source.ts";
import { phases } from "./states.ts";

/**
 * Messages by what they ask for. Each is a call that makes its schema: a command reads one or two kinds of them, and
 * has them made anew each time that it is started.
 */
const requests = {
  status: () => v.object({ ask: v.literal("status"), memory: v.optional(v.boolean()) }),
  follow: () => v.object({ ask: v.literal("follow"), wakes: v.optional(v.boolean()) }),
  ports: () => v.object({ ask: v.literal("ports") }),
  events: () => v.object({ ask: v.literal("events") }),
  stop: () => v.object({ ask: v.literal("stop"), force: v.boolean(), isCallOff: v.optional(v.boolean()) }),
  suspend: () => v.object({ ask: v.literal("suspend") }),
  grow: () =>
    v.object({
      ask: v.literal("grow"),
      disks: v.array(v.object({ name: v.string(), path: v.string(), sizeGiB: v.number() })),
    }),
  forward: () =>
    v.object({ ask: v.literal("forward"), change: v.picklist(["add", "remove"]), forward: handForwardSchema }),
};

/**
 * What a command asks for. A `follow` that `wakes` has a VM go on that is asleep. `status` has memory only where it is
 * asked for, since the guest is asked then. `follow`, `ports` and `stop` are answered by events until the supervisor
 * ends; `ports` has all that `follow` has, and the forwards whenever they change; `events` has the states, too. A
 * `stop` that calls a start off leaves a QEMU alone that was only taken over. `suspend` is answered as `stop` is, or
 * by `refused`; `forward` by `forwarded` or `refused`, `grow` by `grown` or `refused`.
 */
export type Request = OneOf<typeof requests>;

const errorSchema = () =>
  v.object({
    code: v.pipe(
      v.string(),
      v.transform((code) => (isErrorCode(code) ? code : "SUPERVISOR_FAILED")),
    ),
    message: v.string(),
    hint: v.string(),
    details: v.optional(v.array(v.string())),
  });

const forwardSchema = () =>
  v.object({
    protocol: v.picklist(["tcp", "udp", "sctp"]),
    hostIp: v.string(),
    hostPort: v.number(),
    container: v.string(),
    source: v.optional(v.picklist(sources), "docker"),
    /** The port of the guest itself that a forward by hand leads to. */
    guestPort: v.optional(v.nullable(v.number()), null),
    state: v.picklist(["open", "failed"]),
    /** Why it does not listen, for programs; `error` says it to people. */
    refusal: v.optional(v.nullable(v.picklist(refusals)), null),
    connections: v.number(),
    bytes: v.number(),
    error: v.nullable(v.string()),
  });

/** A host listener that serves a published port, as `qn ports` shows it. */
export type ForwardStatus = v.InferOutput<ReturnType<typeof forwardSchema>>;

const stateNames = [
  "stopped",
  "starting",
  "running",
  "degraded",
  "suspending",
  "paused",
  "asleep",
  "suspended",
  "stopping",
  "failed",
] as const;
const mountSchema = () =>
  v.object({
    path: v.string(),
    readOnly: v.boolean(),
    /** Who serves it: 9p, virtiofs, or auto where that is not known yet. An older supervisor does not say. */
    driver: v.optional(v.string()),
    /** How it behaves, when its settings say so. */
    security: v.optional(v.string()),
    cache: v.optional(v.string()),
  });

const memorySchema = () =>
  v.object({
    /** What the guest's programs and kernel use; null when the guest does not say. */
    usedBytes: v.nullable(v.number()),
    /** What QEMU has of this machine's memory; null without a QEMU. */
    residentBytes: v.nullable(v.number()),
  });

/** How much memory a VM takes. */
export type MemoryStatus = v.InferOutput<ReturnType<typeof memorySchema>>;

const noMemory: MemoryStatus = { usedBytes: null, residentBytes: null };

const statusSchema = () =>
  v.object({
    name: v.string(),
    state: v.picklist(stateNames),
    /** Why the state is not "running": a failure, or who is silent. */
    reason: v.nullable(v.string()),
    phase: v.nullable(v.picklist(phases)),
    arch: v.picklist(arches),
    accel: v.nullable(v.string()),
    cpus: v.number(),
    memoryMiB: v.number(),
    /** A supervisor that is older than this command says nothing of it. */
    memory: v.optional(memorySchema(), noMemory),
    image: v.string(),
    docker: v.object({ socket: v.string(), context: v.nullable(v.string()), reachable: v.boolean() }),
    ssh: v.object({
      host: v.string(),
      port: v.nullable(v.number()),
      user: v.string(),
      identityFile: v.string(),
    }),
    ports: v.array(forwardSchema()),
    mounts: v.array(mountSchema()),
    qemu: v.object({ pid: v.nullable(v.number()), version: v.nullable(v.string()) }),
    supervisor: v.object({ pid: v.nullable(v.number()) }),
    uptimeMs: v.number(),
  });

/** Everything that `qn status --json` shows. */
export type Status = v.InferOutput<ReturnType<typeof statusSchema>>;

const grownSchema = () =>
  v.object({
    name: v.string(),
    sizeBytes: v.number(),
    /** Whether its file system in the guest is as large by now. */
    isFilled: v.boolean(),
    /** Why it is not, if the guest says. */
    error: v.nullable(v.string()),
  });

/** A disk that has grown while its VM runs. */
export type GrownDisk = v.InferOutput<ReturnType<typeof grownSchema>>;

/** And by what has happened. */
const events = {
  status: () => v.object({ event: v.literal("status"), status: statusSchema() }),
  ports: () => v.object({ event: v.literal("ports"), ports: v.array(forwardSchema()) }),
  phase: () => v.object({ event: v.literal("phase"), phase: v.picklist(phases), sinceMs: v.number() }),
  state: () => v.object({ event: v.literal("state"), state: v.picklist(stateNames), reason: v.nullable(v.string()) }),
  warning: () => v.object({ event: v.literal("warning"), text: v.string() }),
  /** An image that is missing is being fetched, in words for a person. */
  fetching: () => v.object({ event: v.literal("fetching"), text: v.string() }),
  /** A command of the setting provision has begun in the guest. */
  provision: () => v.object({ event: v.literal("provision"), step: v.number(), of: v.number() }),
  running: () => v.object({ event: v.literal("running"), sinceMs: v.number() }),
  degraded: () => v.object({ event: v.literal("degraded"), reason: v.string() }),
  /** `suspended`: what ran goes on with the next start; `containers` were stopped for it, and start again then. */
  stopped: () =>
    v.object({
      event: v.literal("stopped"),
      forced: v.boolean(),
      suspended: v.optional(v.object({ containers: v.array(v.string()) })),
    }),
  failed: () => v.object({ event: v.literal("failed"), error: errorSchema() }),
  forwarded: () => v.object({ event: v.literal("forwarded") }),
  grown: () => v.object({ event: v.literal("grown"), disks: v.array(grownSchema()) }),
  refused: () => v.object({ event: v.literal("refused"), error: errorSchema() }),
};

/** What the supervisor answers and tells. `sinceMs` counts from the start of the supervisor. */
export type ControlEvent = OneOf<typeof events>;

/**
 * Parses one line of each direction. Both throw SUPERVISOR_FAILED: the other side is of another version, or not ours.
 */
export const parseRequest = parserOf("ask", requests);
export const parseControlEvent = parserOf("event", events);

// --- internal ---

/** Schemas of messages by their kind. */
type Kinds = Readonly<Record<string, () => v.GenericSchema>>;
type OneOf<Table extends Kinds> = { [Kind in keyof Table]: v.InferOutput<ReturnType<Table[Kind]>> }[keyof Table];

function parserOf<Table extends Kinds>(word: string, kinds: Table) {
  return (line: string): OneOf<Table> => {
    try {
      const message: unknown = JSON.parse(line);
      const kind = String(v.parse(v.looseObject({ [word]: v.string() }), message)[word]);
      const schema = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
      if (schema === undefined) throw new Error(`The ${word} "${kind}" is not known.`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schema is that of a kind in the table
      return v.parse(schema(), message) as OneOf<Table>;
    } catch (cause) {
      throw new QnError("SUPERVISOR_FAILED", "The supervisor and this command do not understand each other.", {
        cause,
        hint: "`qn down` and `qn up` start the supervisor anew with this version.",
      });
    }
  };
}
