/** What planning needs to know of the host and of a VM's guest: found out by probing, or made up by a test. */
import type { Arch, HostOs } from "../../base/words.ts";
import type { Accel, Firmware } from "./platforms.ts";

/** Whether something can be had for this guest here, such as an accelerator; when not, `reason` is a sentence. */
export type Usability = { readonly usable: true } | { readonly usable: false; readonly reason: string };

/** What is known of the host, of its QEMU and of its firmware for guests of one architecture. */
export type HostFacts = {
  readonly os: HostOs;
  readonly arch: Arch;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly guestArch: Arch;
  readonly qemu: { readonly path: string; readonly version: string };
  readonly firmware: Firmware;
  readonly accels: Readonly<Record<Accel, Usability>>;
  /** Arm's matrix extension, which some versions of QEMU fail on under hvf. */
  readonly sme: boolean;
  /** Whether mounts can be served by virtiofs. */
  readonly virtiofs: Usability;
  /** QEMU can lock itself into a seccomp filter here. */
  readonly sandbox: boolean;
  /** Sound systems that this QEMU speaks and that answer here, best first; empty unless sound was asked for. */
  readonly audio: readonly string[];
  /** Window systems that this QEMU speaks, best first; empty unless a window was asked for. */
  readonly display: readonly string[];
};
