/** The closed list of what host and guest say to each other, with the parsers that both use at the door. */
import * as v from "valibot";
import { arches } from "../base/words.ts";
import { bootDisksSchema, diskSizesSchema, diskStatesSchema } from "./disk-messages.ts";
import { hostSocketsSchema, socketAskedSchema, socketRefusedSchema } from "./host-sockets.ts";
import { lanesSchema } from "./lanes.ts";
import { namesSchema } from "./names.ts";
import { checked, parserOf, valueIn } from "./parser.ts";
import { asleepSchema, calmedSchema, calmSchema, sleepSchema, usedSchema, useSchema } from "./sleep.ts";
import { timeZoneSchema } from "./time-zone.ts";
import { portSchema, provisionStepsMax, publishers } from "./terms.ts";

/**
 * The promise between versions of qn (decision D83): what one side says more than before is a field that may be left
 * out, or a kind of message that the other passes over, or a stream that it refuses with a reason; what a side has to
 * know beforehand is listed in `hello`. This number grows only when an older other side would do the wrong thing;
 * `hello` and the image's manifest carry it. skew.ts says which numbers work together.
 */
export const protocolVersion = 2;

/** PATH_MAX of Linux; macOS has less. */
const absolutePath = v.pipe(v.string(), v.startsWith("/"), v.maxLength(4_096));

/** Guest ports of the gate and of sshd: RFC 4727's experiment ports, so that containers may publish 22. */
export const gateGuestPort = 1021;
export const sshGuestPort = 1022;

/**
 * The guest's side of slirp: the host, which answers at its loopback, its resolver, and the guest itself (slirp's
 * defaults for its network 10.0.2.0/24).
 */
export const slirp = { host: "10.0.2.2", resolver: "10.0.2.3", guest: "10.0.2.15" } as const;

/** The guest port where the agent answers DNS: IANA keeps it reserved, so nobody publishes it, as people do with 53. */
export const namesGuestPort = 1023;

/** The name of the credential that carries the boot to the guest, and of the virtio-serial port that rings the host. */
export const bootCredential = "qn.boot";
export const doorbellPort = "qn.agent";

/** The most bind sources in one report, and the most paths in one list of changes: with long paths, still one line. */
export const mountSourcesMax = 256;
export const changedPathsMax = 64;

/** The most certificates of authorities that a guest is told. */
export const caCertificatesMax = 64;

const port = portSchema;
/** JSON writes what is not finite as null: it would not come back as it went. */
const finite = v.pipe(v.number(), v.finite());
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** The bytes of randomness that a guest is given when it is made anew: as many as its kernel's generator holds. */
export const seedBytes = 32;
/** The most letters of a name in a message, such as a container's, for which Docker knows no limit. */
export const nameLettersMax = 1_024;
const shortText = v.pipe(v.string(), v.maxLength(nameLettersMax));

/** Ports from the first to the last, both included. */
const portRangeSchema = v.object({ first: port, last: port });
export type PortRange = v.InferOutput<typeof portRangeSchema>;

const changedPaths = v.pipe(v.array(absolutePath), v.maxLength(changedPathsMax));

const bootSchema = v.object({
  secret: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  vm: shortText,
  /** The gate's and sshd's ports on the host's loopback, which nothing in the guest may reach through slirp. */
  hostPorts: v.array(port),
  user: v.object({ name: shortText, uid: finite, gid: finite, sshKeys: v.array(v.string()) }),
  shares: v.array(
    v.object({
      tag: shortText,
      path: absolutePath,
      readOnly: v.boolean(),
      folder: absolutePath,
      /** The same once more, for what the guest remembers as another kind of entry than it is by now. */
      again: v.optional(v.object({ tag: shortText, folder: absolutePath })),
      /** Other paths that lead to the share on the host, by links there. */
      links: v.optional(v.array(absolutePath)),
      cache: v.optional(v.picklist(["mmap", "none", "loose"])),
      /** The kind of file system; 9p unless it is named. */
      driver: v.optional(v.picklist(["9p", "virtiofs"])),
    }),
  ),
  /** Names of folders in which the host looks for no changes. */
  unwatched: v.optional(v.array(shortText)),
  /** What becomes of a bind source that no share covers; `error` unless it is named. */
  missing: v.optional(v.picklist(["error", "create"])),
  /** The private key that sshd proves itself with, in OpenSSH's format; the host knows the public half. */
  sshHostKey: v.string(),
  /** QN_HOME and each VM's Docker socket: the guest hides the first and answers at the second. */
  home: v.string(),
  dockerSocket: v.string(),
  /** The host ports that Docker chooses from; without it from the kernel's usual ones. */
  dockerPorts: v.optional(portRangeSchema),
  /** What the user adds to Docker's daemon.json; a host that knows no such setting sends none. */
  daemon: v.optional(v.record(v.string(), v.unknown())),
  /** The flake that the guest makes itself from, in a share, and the name of the system in it. */
  flake: v.optional(v.object({ folder: absolutePath, name: shortText })),
  /** Whether listening sockets of the guest are to be forwarded that nobody publishes. */
  listen: v.optional(v.boolean(), false),
  /** Those of containers in the guest's own network at least, named by the container. */
  listenOfContainers: v.optional(v.boolean()),
  /** The host takes ports that services of a swarm publish. */
  swarm: v.optional(v.boolean()),
  /** Memory that the guest has freed is the host's again; to one that says nothing of it none is given. */
  takesMemoryBack: v.optional(v.boolean()),
  /** Shell commands that root runs before Docker starts: at each boot, or once on each system disk. */
  provision: v.optional(v.array(v.object({ run: v.string(), when: v.picklist(["boot", "once"]) }))),
  /** Disks beside the data disk: made a file system where they are blank, and mounted by name. */
  disks: v.optional(bootDisksSchema),
  timeZone: v.optional(timeZoneSchema),
  /** Variables for dockerd: the host's proxy. */
  proxy: v.optional(v.record(v.pipe(v.string(), v.regex(/^(https?|no)_proxy$/i)), v.string()), {}),
  /** Authorities that dockerd believes besides the guest's own: certificates as DER in base64. */
  caCertificates: v.optional(v.pipe(v.array(v.pipe(v.string(), v.base64())), v.maxLength(caCertificatesMax))),
  /** Sockets of the host that answer in containers. */
  sockets: v.optional(hostSocketsSchema),
});

/** What the guest learns at boot. `folder` of a share is where it is mounted: its `path`, or aside for /tmp. */
export type Boot = v.InferOutput<typeof bootSchema>;

const protocolName = v.picklist(["tcp", "udp", "sctp"]);
/** A host address as Docker or a person writes it; it is the host that refuses what is none. */
export const hostAddressLettersMax = 64;
export const hostAddress = v.pipe(v.string(), v.maxLength(hostAddressLettersMax));

const publishedPortSchema = v.object({
  protocol: protocolName,
  hostIp: hostAddress,
  hostPort: port,
  /** What tells one life of a port from the next: a container's id, a machine's address, nothing for a program. */
  containerId: v.pipe(v.string(), v.maxLength(64)),
  container: shortText,
  /** Docker, where an older agent says nothing. */
  source: v.optional(v.picklist(publishers)),
  /** A container asks for it that is about to start: Docker tells whoever starts it when the port cannot be had. */
  asked: v.optional(v.boolean()),
});

/** A port as the guest publishes it; `hostIp` is what was asked for ("0.0.0.0", "::", "127.0.0.1", …). */
export type PublishedPort = v.InferOutput<typeof publishedPortSchema>;

/** How far each command of the settings is, in their order; `last` is the last line that it has said. */
export const provisionStepsSchema = v.pipe(
  v.array(
    v.object({
      state: v.picklist(["waiting", "running", "skipped", "done", "failed"]),
      status: v.optional(finite),
      last: v.optional(shortText),
    }),
  ),
  v.maxLength(provisionStepsMax),
);

/** How far one command is. */
export type ProvisionStep = v.InferOutput<typeof provisionStepsSchema>[number];

/** The most ports of one report. */
export const reportPortsMax = 5_000;

/** What every version says first, whatever else it says: this much never changes. */
const helloSchema = v.object({
  type: v.literal("hello"),
  protocol: v.pipe(v.number(), v.integer()),
  version: shortText,
});

const agentMessageSchema = v.variant("type", [
  v.object({
    ...helloSchema.entries,
    arch: v.optional(v.picklist(arches)),
    image: v.optional(shortText),
    /** What an older agent would pass over in silence; a host that needs it says so. */
    capabilities: v.optional(v.pipe(v.array(shortText), v.maxLength(64))),
  }),
  v.object({
    type: v.literal("ports"),
    report: v.pipe(v.number(), v.integer()),
    ports: v.pipe(v.array(publishedPortSchema), v.maxLength(reportPortsMax)),
    /** Docker is about to choose ports: the answer should say which of this VM's are taken. */
    choosing: v.optional(v.boolean()),
  }),
  v.object({ type: v.literal("docker"), state: v.picklist(["ready", "down"]) }),
  /** What running containers mount: the host watches it, as far as it is shared. */
  v.object({
    type: v.literal("mounts"),
    sources: v.pipe(v.array(absolutePath), v.maxLength(mountSourcesMax)),
    /** A number that asks for all that has changed up to now; the last message of it has the number. */
    ask: v.optional(v.pipe(v.number(), v.integer())),
  }),
  v.object({ type: v.literal("log"), text: v.pipe(v.string(), v.maxLength(16_384)) }),
  v.object({ type: v.literal("provision"), steps: provisionStepsSchema }),
  diskStatesSchema,
  asleepSchema,
  /** Asks for the time. `asked` comes back with the answer: the agent's own steady clock. */
  v.object({ type: v.literal("clock"), asked: finite }),
  /** How much memory the guest uses; the number is that of the question. */
  v.object({ type: v.literal("memory"), answers: whole, usedBytes: whole }),
  usedSchema,
  calmedSchema,
  socketAskedSchema,
  /** It is what it was told to be, or why not. */
  v.object({ type: v.literal("renewed"), refusal: v.optional(v.pipe(v.string(), v.maxLength(4_096))) }),
]);

/** What the agent tells the host on the control connection. State, never deltas: the next report repairs a lost one. */
export type AgentMessage = v.InferOutput<typeof agentMessageSchema>;

const hostMessageSchema = v.variant("type", [
  helloSchema,
  v.object({
    type: v.literal("served"),
    report: v.pipe(v.number(), v.integer()),
    failed: v.array(
      v.object({
        protocol: protocolName,
        hostIp: hostAddress,
        hostPort: port,
        reason: v.pipe(v.string(), v.maxLength(4_096)),
      }),
    ),
    /** Those of the ports that Docker chooses from that something else on the host holds, when Docker is choosing. */
    taken: v.optional(v.array(port)),
  }),
  /**
   * What is there below the folders that the host watches, and what has changed: names that are gone, folders whose
   * content is another one, files with other content. Paths as the guest knows them.
   */
  v.object({
    type: v.literal("changes"),
    there: changedPaths,
    gone: changedPaths,
    folders: changedPaths,
    files: changedPaths,
    answers: v.optional(v.pipe(v.number(), v.integer())),
  }),
  lanesSchema,
  diskSizesSchema,
  sleepSchema,
  namesSchema,
  /** Look at your clock: it may be wrong. With `answer`, what the host's says, in milliseconds since 1970. */
  v.object({
    type: v.literal("clock"),
    answer: v.optional(v.object({ asked: finite, nowMs: finite })),
  }),
  /** How much memory do you use? The number comes back with the answer. */
  v.object({ type: v.literal("memory"), ask: whole }),
  useSchema,
  calmSchema,
  socketRefusedSchema,
  /**
   * Be another guest from now on: this one goes on from a memory from which others go on too. The answer is `renewed`,
   * and who came in by the secret of before is shut out.
   */
  v.object({
    type: v.literal("renew"),
    boot: bootSchema,
    seed: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  }),
]);

/**
 * What the host tells the agent on the control connection; `served` answers a report of ports once all are listened on.
 */
export type HostMessage = v.InferOutput<typeof hostMessageSchema>;

/** A published port that the host cannot serve, and why, as a sentence for the user. */
export type FailedPort = Extract<HostMessage, { type: "served" }>["failed"][number];

/**
 * Parses what the guest learns at boot. Throws PROTOCOL with what is wrong; unknown fields are ignored (version skew).
 */
export const parseBoot = parserOf("boot credential", bootSchema);

/** The same of messages; nothing for one of a kind that only a newer other side knows. */
export const parseAgentMessage = passingOver("agent's message", agentMessageSchema);
export const parseHostMessage = passingOver("host's message", hostMessageSchema);

// --- internal ---

type Kind = { readonly entries: { readonly type: { readonly literal: string } } };

function passingOver<Schema extends v.GenericSchema & { readonly options: readonly Kind[] }>(
  what: string,
  schema: Schema,
): (line: string) => v.InferOutput<Schema> | undefined {
  const kinds = schema.options.map(({ entries }) => entries.type.literal);
  return (line) => {
    const value = valueIn(what, line);
    const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
    return typeof type === "string" && !kinds.includes(type) ? undefined : checked(what, schema, value);
  };
}
