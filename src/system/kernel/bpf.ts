/** The door to bpf(2): programs that the kernel runs when a process of a control group connects. Linux only. */
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
const BPF_PROG_TYPE_CGROUP_SOCK_ADDR = 18;
const BPF_CGROUP_INET4_CONNECT = 10;

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

/**
 * Has the kernel run `program` (bpf-code.ts) whenever a process of the control group in this folder, or of one below
 * it, connects over IPv4 (BPF_CGROUP_INET4_CONNECT). It ends with `close`, with this process however that ends, and
 * with the group. Throws with the step and the error's name, such as EPERM, when the kernel refuses.
 */
export function attachToConnects(cgroup: string, program: Uint8Array): { close(): void } {
  const folder = openSync(cgroup, constants.O_RDONLY | constants.O_DIRECTORY);
  const block = allocate(programAt + program.length);
  try {
    const loaded = load(block, program);
    try {
      const link = create(block, loaded, folder);
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
 * `attachToConnects`.
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
function load({ address, view, bytes }: Block, program: Uint8Array): number {
  bytes.set(Buffer.from("MIT\0"), licenceAt);
  bytes.set(program, programAt);
  view.setUint32(0, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, true);
  view.setUint32(4, program.length / 8, true);
  view.setBigUint64(8, BigInt(address + programAt), true);
  view.setBigUint64(16, BigInt(address + licenceAt), true);
  view.setUint32(68, BPF_CGROUP_INET4_CONNECT, true);
  return command("load", BPF_PROG_LOAD, address);
}

/** BPF_LINK_CREATE: what ties the program to the group, until its descriptor is closed. */
function create({ address, view, bytes }: Block, program: number, cgroup: number): number {
  bytes.fill(0, 0, attributeBytes);
  view.setUint32(0, program, true);
  view.setUint32(4, cgroup, true);
  view.setUint32(8, BPF_CGROUP_INET4_CONNECT, true);
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
