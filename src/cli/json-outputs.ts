/**
 * What commands print for programs. docs/json.md is made from these types: a field that is added, taken away or renamed
 * there and has no words in scripts/support/json-words.ts does not compile.
 */
import type { Origin } from "../host/config/load.ts";
import type { Effective } from "../host/config/setting.ts";
import type { Finding } from "../host/doctor/checks.ts";
import type { ReportVersions } from "../host/doctor/report.ts";
import type { ImageManifest } from "../host/image/manifest.ts";
import type { ImageUse } from "../host/image/usage.ts";
import type { UsualSocket } from "../host/integrate/docker/socket-link.ts";
import type { ServiceState } from "../host/integrate/service/manage.ts";
import type { DiskView } from "../host/lifecycle/disks.ts";
import type { MountView, ShareView } from "../host/lifecycle/mounts.ts";
import type { Summary } from "../host/lifecycle/status.ts";
import type { Publish, Reason } from "../host/lifecycle/why/question.ts";
import type { GuestContainer } from "../host/nixos/machines/machines-script.ts";
import type { ControlEvent, ForwardStatus, Status } from "../host/supervisor/messages.ts";
import type { PortHolder } from "../system/port-holders.ts";
import type { Build } from "./version.ts";

/** By the command that prints it; a list is printed as one, and each of its objects has the version. */
export type JsonOutputs = {
  readonly status: Status;
  readonly ls: readonly VmRow[];
  readonly "ports ls": readonly ForwardStatus[];
  readonly "ports ls --watch": ForwardChange;
  readonly "mounts ls": {
    readonly mounts: readonly ShareView[];
    readonly containerMounts: readonly ContainerMount[] | null;
  };
  readonly why: {
    readonly port: number;
    readonly protocol: ForwardStatus["protocol"] | null;
    readonly reasons: readonly Reason[];
    readonly notes: readonly string[];
    readonly holders: readonly Nullable<PortHolder>[];
    readonly vms: readonly {
      readonly name: string;
      readonly state: string;
      readonly forwards: readonly ForwardStatus[];
      readonly publishes: readonly Publish[];
    }[];
  };
  readonly doctor: readonly Finding[];
  readonly "config show": { readonly settings: Readonly<Record<string, SettingRow>> };
  readonly "disk ls": readonly DiskView[];
  readonly "image ls": readonly ImageRow[];
  readonly "image prune": {
    readonly removed: boolean;
    readonly freedBytes: number;
    readonly images: readonly {
      readonly id: string | null;
      readonly names: readonly string[];
      readonly usedBytes: number;
    }[];
  };
  readonly "snapshot ls": readonly {
    readonly name: string;
    readonly createdAt: string;
    readonly image: string | null;
    readonly usedBytes: number;
  }[];
  readonly "container ls": readonly GuestContainer[];
  readonly "service status": ServiceState;
  readonly "socket status": Omit<UsualSocket, "isAlive"> & { readonly reachable: boolean };
  readonly version: { readonly version: string } & Build;
  readonly report: ReportVersions;
  readonly upgrade: {
    readonly outcome: "same" | "newer" | "upgraded" | "rolled back";
    readonly from: string;
    readonly to: string | null;
    readonly runningVms: readonly string[];
  };
  readonly events: ShownEvent;
  readonly failure: { readonly error: Failure };
};

/** A VM in the list. What is not known of one whose files are broken is null. */
export type VmRow = { readonly name: string } & Pick<Summary, "state" | "reason" | "snapshots"> &
  Nullable<Pick<Summary, "arch" | "cpus" | "memoryMiB" | "image">, null> & {
    readonly docker: { readonly socket: string };
  };

/** A forward that has changed; one that is gone has the state "closed" and what it had carried. */
export type ForwardChange = Omit<ForwardStatus, "state"> & { readonly state: ForwardStatus["state"] | "closed" };

/** What happened when; not the answers to single requests, which only the supervisor's own clients get. */
export type ShownEvent = { readonly at: string } & (
  | Exclude<ControlEvent, { event: "forwarded" | "grown" | "refused" | "failed" }>
  | {
      readonly event: "failed";
      readonly error: Omit<Failure, "status" | "details"> & { readonly details?: readonly string[] | undefined };
    }
);

// --- internal ---

/** The same with null where nothing is known. */
type Nullable<T, More = never> = { readonly [Key in keyof T]: Exclude<T[Key], undefined> | NullOf<T[Key]> | More };
type NullOf<T> = undefined extends T ? null : never;

/** A mount of a container, and which of the VM's mounts it lies in. */
type ContainerMount = Omit<MountView, "share"> & { readonly mount: string | null };

type SettingRow = {
  readonly value: unknown;
  readonly origin: Origin;
  readonly variable: string;
  readonly takesEffect: Effective;
};

type ImageRow = ImageManifest & {
  readonly id: string;
  readonly folder: string;
  readonly names: readonly string[];
  readonly usedBytes: number;
  readonly usedBy: readonly ImageUse[];
  readonly newer: string | null;
};

/** `status` is the exit status. */
type Failure = {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly status: number;
  readonly details: readonly string[];
};
