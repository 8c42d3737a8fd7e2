/** What `qn status` shows of a VM, put together from its state, its settings and what the supervisor holds. */
import type { VmConfig } from "../config/schema.ts";
import type { VmPaths } from "../layout.ts";
import { restingStatus } from "./resting-status.ts";
import type { Forward } from "../ports/apply.ts";
import { openHalves } from "../ports/open-halves.ts";
import { refusalOf } from "../ports/refusal.ts";
import { sourceOf } from "../ports/source.ts";
import { type BootRecord, servedPaths } from "./boot/boot.ts";
import type { Qemu } from "./boot/qemu.ts";
import type { GuestMemory } from "./seam/guest-memory.ts";
import type { Seam } from "./seam/seam.ts";
import type { Idle } from "./suspend/idle.ts";
import type { Prepared } from "../vm/prepare.ts";
import { duration } from "../../base/words.ts";
import type { State } from "./states.ts";
import type { ForwardStatus, Status } from "./messages.ts";

/** What the supervisor holds, as of now. */
export type Snapshot = {
  readonly config: VmConfig | undefined;
  readonly accel: string | undefined;
  readonly qemu: { readonly pid: number | undefined; readonly version: string | undefined };
  readonly sshPort: number | undefined;
  /** What the guest is asked by for how much memory it uses. */
  readonly guestMemory: GuestMemory | undefined;
  /** The mounts that are served by virtiofs; undefined before that is known. */
  readonly virtiofs: readonly string[] | undefined;
  readonly dockerReachable: boolean;
  readonly forwards: readonly Readonly<Forward>[];
  /** How long a VM that is paused has until it goes on by itself. */
  readonly goesOnInMs: number | undefined;
};

/** What a supervisor holds, as far as it has come. */
export type Held = Partial<Pick<Prepared, "config" | "spec">> & {
  readonly rest: { readonly idle: Pick<Idle, "goesOnInMs"> };
  readonly boot: BootRecord | undefined;
  readonly qemu: Qemu | undefined;
  readonly seams: { readonly current: Pick<Seam, "memory" | "dockerReachable" | "forwards"> | undefined };
};

/** What there is to show of it. */
export function snapshotOf({ config, spec, boot, qemu, seams: { current: seam }, rest }: Held): Snapshot {
  return {
    config,
    accel: spec?.accel.name,
    qemu: { pid: qemu?.pid, version: qemu?.qmp.version },
    sshPort: boot?.sshPort,
    guestMemory: seam?.memory,
    virtiofs: boot && servedPaths(boot),
    dockerReachable: seam?.dockerReachable ?? false,
    forwards: seam?.forwards ?? [],
    goesOnInMs: rest.idle.goesOnInMs,
  };
}

/** The status of a VM that has a supervisor. */
export function statusOf(paths: VmPaths, state: State, held: Snapshot, uptimeMs: number): Status {
  const resting = restingStatus(paths, held.config);
  return {
    ...resting,
    state: state.name,
    reason: state.name === "paused" ? momentWords(held) : reasonOf(state),
    phase: state.name === "starting" ? state.phase : null,
    accel: held.accel ?? null,
    docker: { socket: paths.dockerSocket, context: null, reachable: held.dockerReachable && state.name !== "paused" },
    ssh: { ...resting.ssh, port: held.sshPort ?? null },
    ports: forwardStatuses(held.forwards),
    mounts: resting.mounts.map((mount) => asServed(mount, held.virtiofs)),
    qemu: { pid: held.qemu.pid ?? null, version: held.qemu.version ?? null },
    supervisor: { pid: process.pid },
    uptimeMs,
  };
}

/** The forwards as `qn ports` shows them. */
export function forwardStatuses(forwards: Snapshot["forwards"]): ForwardStatus[] {
  const halves = openHalves(forwards);
  return forwards.map((forward) => {
    const { listener, error, serves } = forward;
    const half = listener === undefined && error !== undefined ? halves.get(serves) : undefined;
    return { ...forwardStatus(forward), ...(half !== undefined && { error: `${error} ${half}` }) };
  });
}

const silentWords = {
  agent: "The agent in the guest is silent.",
  docker: "Docker in the guest does not answer.",
  panicked: "The guest's kernel could not go on; the guest starts anew.",
  rebooted: "The guest starts anew.",
  waiting: "The VM waits: this machine cannot write to its disks, most likely because there is no space left.",
} as const;

/** Why a state is not "running", in a sentence; nothing when there is no reason to give. */
export function reasonOf(state: State): string | null {
  switch (state.name) {
    case "degraded":
      return silentWords[state.silent];
    case "failed":
      return state.error.message;
    case "starting":
      return state.isWaiting ? silentWords.waiting : null;
    case "running":
    case "suspending":
    case "asleep":
    case "paused":
    case "stopping":
    case "stopped":
      return null;
  }
}

// --- internal ---

function momentWords({ goesOnInMs }: Snapshot): string | null {
  return goesOnInMs === undefined ? null : `It goes on by itself in ${duration(goesOnInMs)}, for a moment.`;
}

function asServed(mount: Status["mounts"][number], virtiofs: Snapshot["virtiofs"]): Status["mounts"][number] {
  if (virtiofs === undefined) return mount;
  return { ...mount, driver: virtiofs.includes(mount.path) ? "virtiofs" : "9p" };
}

function forwardStatus(forward: Readonly<Forward>): ForwardStatus {
  return {
    protocol: forward.protocol,
    hostIp: forward.hostIp,
    hostPort: forward.hostPort,
    container: forward.serves.container,
    source: sourceOf(forward.serves),
    guestPort: forward.serves.guestPort ?? null,
    state: forward.listener === undefined ? "failed" : "open",
    refusal: forward.listener === undefined ? refusalOf(forward.refused) : null,
    connections: forward.connections,
    bytes: forward.bytes,
    error: forward.error ?? null,
  };
}
