/** What `qn` and the supervisor of a VM say to each other over the control socket. */
import * as v from "valibot";
import { isErrorCode, QnError } from "../../base/errors.ts";
import { arches } from "../../base/words.ts";
import { handForwardSchema } from "../ports/by-hand.ts";
import { refusals } from "../ports/listener-plan.ts";
import { sources } from "../ports/source.ts";
import { phases } from "./states.ts";

const requestSchema = v.variant("ask", [
  v.object({ ask: v.literal("status") }),
  v.object({ ask: v.literal("follow") }),
  v.object({ ask: v.literal("ports") }),
  v.object({ ask: v.literal("events") }),
  v.object({ ask: v.literal("stop"), force: v.boolean(), isCallOff: v.optional(v.boolean()) }),
  v.object({
    ask: v.literal("grow"),
    disks: v.array(v.object({ name: v.string(), path: v.string(), sizeGiB: v.number() })),
  }),
  v.object({ ask: v.literal("forward"), change: v.picklist(["add", "remove"]), forward: handForwardSchema }),
]);

/**
 * What a command asks for. `follow`, `ports` and `stop` are answered by events until the supervisor ends; `ports` has
 * all that `follow` has, and the forwards whenever they change; `events` has the states, too. A `stop` that calls a
 * start off leaves a QEMU alone that was only taken over. `forward` is answered by `forwarded` or `refused`, `grow` by
 * `grown` or `refused`.
 */
export type Request = v.InferOutput<typeof requestSchema>;

const errorSchema = v.object({
  code: v.pipe(
    v.string(),
    v.transform((code) => (isErrorCode(code) ? code : "SUPERVISOR_FAILED")),
  ),
  message: v.string(),
  hint: v.string(),
  details: v.optional(v.array(v.string())),
});

const forwardSchema = v.object({
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
export type ForwardStatus = v.InferOutput<typeof forwardSchema>;

const stateNames = ["stopped", "starting", "running", "degraded", "stopping", "failed"] as const;
const mountSchema = v.object({
  path: v.string(),
  readOnly: v.boolean(),
  /** How it behaves, when its settings say so. */
  driver: v.optional(v.string()),
  security: v.optional(v.string()),
  cache: v.optional(v.string()),
});

const statusSchema = v.object({
  name: v.string(),
  state: v.picklist(stateNames),
  /** Why the state is not "running": a failure, or who is silent. */
  reason: v.nullable(v.string()),
  phase: v.nullable(v.picklist(phases)),
  arch: v.picklist(arches),
  accel: v.nullable(v.string()),
  cpus: v.number(),
  memoryMiB: v.number(),
  image: v.string(),
  docker: v.object({ socket: v.string(), context: v.nullable(v.string()), reachable: v.boolean() }),
  ssh: v.object({
    host: v.string(),
    port: v.nullable(v.number()),
    user: v.string(),
    identityFile: v.string(),
  }),
  ports: v.array(forwardSchema),
  mounts: v.array(mountSchema),
  qemu: v.object({ pid: v.nullable(v.number()), version: v.nullable(v.string()) }),
  supervisor: v.object({ pid: v.nullable(v.number()) }),
  uptimeMs: v.number(),
});

/** Everything that `qn status --json` shows. */
export type Status = v.InferOutput<typeof statusSchema>;

const grownSchema = v.object({
  name: v.string(),
  sizeBytes: v.number(),
  /** Whether its file system in the guest is as large by now. */
  isFilled: v.boolean(),
  /** Why it is not, if the guest says. */
  error: v.nullable(v.string()),
});

/** A disk that has grown while its VM runs. */
export type GrownDisk = v.InferOutput<typeof grownSchema>;

const eventSchema = v.variant("event", [
  v.object({ event: v.literal("status"), status: statusSchema }),
  v.object({ event: v.literal("ports"), ports: v.array(forwardSchema) }),
  v.object({ event: v.literal("phase"), phase: v.picklist(phases), sinceMs: v.number() }),
  v.object({ event: v.literal("state"), state: v.picklist(stateNames), reason: v.nullable(v.string()) }),
  v.object({ event: v.literal("warning"), text: v.string() }),
  /** An image that is missing is being fetched, in words for a person. */
  v.object({ event: v.literal("fetching"), text: v.string() }),
  /** A command of the setting provision has begun in the guest. */
  v.object({ event: v.literal("provision"), step: v.number(), of: v.number() }),
  v.object({ event: v.literal("running"), sinceMs: v.number() }),
  v.object({ event: v.literal("degraded"), reason: v.string() }),
  v.object({ event: v.literal("stopped"), forced: v.boolean() }),
  v.object({ event: v.literal("failed"), error: errorSchema }),
  v.object({ event: v.literal("forwarded") }),
  v.object({ event: v.literal("grown"), disks: v.array(grownSchema) }),
  v.object({ event: v.literal("refused"), error: errorSchema }),
]);

/** What the supervisor answers and tells. `sinceMs` counts from the start of the supervisor. */
export type ControlEvent = v.InferOutput<typeof eventSchema>;

/**
 * Parses one line of each direction. Both throw SUPERVISOR_FAILED: the other side is of another version, or not ours.
 */
export const parseRequest = parserOf(requestSchema);
export const parseControlEvent = parserOf(eventSchema);

// --- internal ---

function parserOf<Schema extends v.GenericSchema>(schema: Schema) {
  return (line: string): v.InferOutput<Schema> => {
    try {
      return v.parse(schema, JSON.parse(line));
    } catch (cause) {
      throw new QnError("SUPERVISOR_FAILED", "The supervisor and this command do not understand each other.", {
        cause,
        hint: "`qn down` and `qn up` start the supervisor anew with this version.",
      });
    }
  };
}
