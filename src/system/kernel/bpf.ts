/** The door to bpf(2): programs that the kernel runs for the connections of a control group's processes. Linux only. */
import { FFIType } from "bun:ffi";
import { closeSync, constants, openSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import type { Arch } from "../../base/words.ts";
import { ownArch } from "../platform.ts";
import { outcome } from "./errno.ts";
import { fromLibrary } from "./library.ts";
import { allocate, type Block, unmap } from "./memory.ts";

const SYS_bpf: Readonly<Record<Arch, number>> = { x86_64: 321, aarch64: 280 };

/** linux/bpf.h. */
const BPF_PROG_LOAD = 5;
const BPF_LINK_CREATE = 28;

/** When a program runs, with the kernel's numbers for its type and for where it is attached (linux/bpf.h). */
const moments = {
  /** Before a socket connects over IPv4: BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT. */
  connect4: { type: 18, attachTo: 10 },
  /** When something has become of a TCP connection: BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS. */
  sockOps: { type: 13, attachTo: 3 },
} as const;

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

/**
 * Has the kernel run `program` (bpf-code.ts) at this moment of the connections of each process in the control group of
 * this folder, or in one below it. It ends with `close`, with this process however that ends, and with the group.
 * Throws with the step and the error's name, such as EPERM, when the kernel refuses.
 */
export function attachToGroup(cgroup: string, moment: keyof typeof moments, program: Uint8Array): { close(): void } {
  const { type, attachTo } = moments[moment];
  const folder = openSync(cgroup, constants.O_RDONLY | constants.O_DIRECTORY);
  const block = allocate(programAt + program.length);
  try {
    const loaded = load(block, type, attachTo, program);
    try {
      const link = create(block, loaded, folder, attachTo);
      return { close: () => closeSync(link) };
    } finally {
      closeSync(loaded);
    }
  } finally {
    unmap(block.address, block.bytes.length);
    closeSync(folder);
  }
}

/**
 * The number by which BPF programs know the network that this process is in (SO_NETNS_COOKIE, Linux 5.14). Throws as
 * `attachToGroup`.
 */
export function networkCookie(): bigint {
  const socket = checked(
    "socket",
    outcome(() => libc().socket(AF_INET, SOCK_STREAM_CLOEXEC, 0)),
  );
  const { address, view, bytes } = allocate(16);
  try {
    view.setUint32(8, 8, true);
    const status = outcome(() => libc().getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, address, address + 8));
    checked("SO_NETNS_COOKIE", status);
    return view.getBigUint64(0, true);
  } finally {
    unmap(address, bytes.length);
    closeSync(socket);
  }
}

// --- internal ---

/** A block has union bpf_attr, of which no more than this is used, then the licence, then the program. */
const attributeBytes = 72;
const licenceAt = 80;
const programAt = 96;

/** BPF_PROG_LOAD; the kernel proves first that the program ends and touches nothing but what it may. */
function load({ address, view, bytes }: Block, type: number, attachTo: number, program: Uint8Array): number {
  bytes.set(Buffer.from("MIT\0"), licenceAt);
  bytes.set(program, programAt);
  view.setUint32(0, type, true);
  view.setUint32(4, program.length / 8, true);
  view.setBigUint64(8, BigInt(address + programAt), true);
  view.setBigUint64(16, BigInt(address + licenceAt), true);
  view.setUint32(68, attachTo, true);
  return command("load", BPF_PROG_LOAD, address);
}

/** BPF_LINK_CREATE: what ties the program to the group, until its descriptor is closed. */
function create({ address, view, bytes }: Block, program: number, cgroup: number, attachTo: number): number {
  bytes.fill(0, 0, attributeBytes);
  view.setUint32(0, program, true);
  view.setUint32(4, cgroup, true);
  view.setUint32(8, attachTo, true);
  return command("attach", BPF_LINK_CREATE, address);
}

function command(step: string, number: number, address: number): number {
  return checked(
    step,
    outcome(() => Number(libc().syscall(SYS_bpf[ownArch()], number, address, attributeBytes))),
  );
}

function checked(step: string, value: number): number {
  if (value >= 0) return value;
  throw new Error(`${step}: ${getSystemErrorName(value)}`);
}

const { i32, i64_fast, u64_fast } = FFIType;

const libc = fromLibrary({
  syscall: { args: [i64_fast, u64_fast, u64_fast, u64_fast], returns: i64_fast },
  socket: { args: [i32, i32, i32], returns: i32 },
  getsockopt: { args: [i32, i32, i32, u64_fast, u64_fast], returns: i32 },
});
