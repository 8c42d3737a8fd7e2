/** What `qn status` shows of a VM, put together from its state, its settings and what the supervisor holds. */
import { ownUser } from "../../system/platform.ts";
import type { VmConfig } from "../config/schema.ts";
import type { VmPaths } from "../layout.ts";
import type { Forward } from "../ports/apply.ts";
import { refusalOf } from "../ports/refusal.ts";
import { sourceOf } from "../ports/source.ts";
import type { State } from "./states.ts";
import type { ForwardStatus, Status } from "./messages.ts";

/** What the supervisor holds, as of now. */
export type Snapshot = {
  readonly config: VmConfig | undefined;
  readonly accel: string | undefined;
  readonly qemu: { readonly pid: number | undefined; readonly version: string | undefined };
  readonly sshPort: number | undefined;
  readonly dockerReachable: boolean;
  readonly forwards: readonly Readonly<Forward>[];
};

/** The status of a VM that has a supervisor. */
export function statusOf(paths: VmPaths, state: State, held: Snapshot, uptimeMs: number): Status {
  return {
    ...restingStatus(paths, held.config),
    state: state.name,
    reason: reasonOf(state),
    phase: state.name === "starting" ? state.phase : null,
    accel: held.accel ?? null,
    docker: { socket: paths.dockerSocket, context: null, reachable: held.dockerReachable },
    ssh: { ...sshOf(paths), port: held.sshPort ?? null },
    ports: forwardStatuses(held.forwards),
    qemu: { pid: held.qemu.pid ?? null, version: held.qemu.version ?? null },
    supervisor: { pid: process.pid },
    uptimeMs,
  };
}

/** The forwards as `qn ports` shows them. */
export function forwardStatuses(forwards: Snapshot["forwards"]): ForwardStatus[] {
  return forwards.map(forwardStatus);
}

const silentWords = {
  agent: "The agent in the guest is silent.",
  docker: "Docker in the guest does not answer.",
  panicked: "The guest's kernel could not go on; the guest starts anew.",
  rebooted: "The guest starts anew.",
  paused: "The VM is paused: this machine cannot write to its disks, most likely because there is no space left.",
} as const;

/** Why a state is not "running", in a sentence; nothing when there is no reason to give. */
export function reasonOf(state: State): string | null {
  switch (state.name) {
    case "degraded":
      return silentWords[state.silent];
    case "failed":
      return state.error.message;
    case "starting":
      return state.isPaused ? silentWords.paused : null;
    case "running":
    case "stopping":
    case "stopped":
      return null;
  }
}

/** The status of a VM that has no supervisor; whoever knows why it is down says so in `state` and `reason`. */
export function restingStatus(paths: VmPaths, config: VmConfig | undefined): Status {
  return {
    name: paths.name,
    state: "stopped",
    reason: null,
    phase: null,
    arch: config?.arch ?? "x86_64",
    accel: null,
    cpus: config?.cpus ?? 0,
    memoryMiB: config?.memoryMiB ?? 0,
    image: config?.image ?? "",
    docker: { socket: paths.dockerSocket, context: null, reachable: false },
    ssh: { ...sshOf(paths), port: null },
    ports: [],
    mounts: [...(config?.mounts ?? [])],
    qemu: { pid: null, version: null },
    supervisor: { pid: null },
    uptimeMs: 0,
  };
}

// --- internal ---

function sshOf(paths: VmPaths): Pick<Status["ssh"], "host" | "user" | "identityFile"> {
  return { host: "127.0.0.1", user: ownUser().name, identityFile: paths.sshKey };
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
