/**
 * Outgoing connections that live as long as both ends want, also when one end has said all and nobody says a word. Two
 * on their way forget such a one: the guest's kernel its translation of a container's address, after a minute, and
 * slirp the whole connection, if it is the far end that has said all, after ten (TCP_MAXIDLE in libslirp's tcp_timer.h;
 * 704 s measured). What is said later is lost.
 */
import { writeFileSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import { assemble, bpf, type BpfLine, registers } from "../../system/kernel/bpf-code.ts";
import { attachToGroup } from "../../system/kernel/bpf.ts";

/**
 * How long the kernel's table of connections remembers one that is half closed and silent (nf_conntrack-sysctl in the
 * kernel's documentation).
 */
const rememberedS = 86_400;
const timeouts = ["fin_wait", "close_wait"].map((state) => `/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_${state}`);

/**
 * Has the guest's kernel remember half-closed connections of containers for a day, in place of a minute or two. Where
 * it does not, `onTrouble` hears why. Docker has the tables made: to be called once it is up.
 */
export function rememberHalfClosed(onTrouble: (text: string) => void, files: readonly string[] = timeouts): void {
  for (const file of files) {
    try {
      writeFileSync(file, `${rememberedS}\n`, { flag: "r+" });
    } catch (error) {
      onTrouble(`Half-closed connections of containers are forgotten early: ${messageOf(error)}`);
    }
  }
}

/** The group of all processes, those of containers too. */
const everybody = "/sys/fs/cgroup";

/**
 * Has the guest's kernel probe each connection that anybody in it opens from now on and leaves silent, until `close` or
 * the end of this process. Where the kernel refuses, connections are as slirp lets them be, which `onTrouble` hears.
 */
export function keepAlive(onTrouble: (text: string) => void, cgroup = everybody): { close(): void } {
  try {
    return attachToGroup(cgroup, "sockOps", keepAliveProgram());
  } catch (error) {
    onTrouble(`Silent connections are not kept alive: ${messageOf(error)}`);
    return { close() {} };
  }
}

/**
 * What the kernel runs when something has become of a TCP connection. One that was opened here and stands is probed
 * from now on, unless its program has asked for that itself, and may still say how. Whoever does not answer is given
 * up after ten hours only: processes of containers may be paused for long.
 */
export function keepAliveProgram(): Uint8Array {
  const { label, load, copy, ifIsNot, set, exit } = bpf;
  return assemble([
    copy(context, 1),
    load(4, answer, context, 0),
    ifIsNot(answer, BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB, "done"),
    ...withOption(BPF_FUNC_getsockopt, SOL_SOCKET, SO_KEEPALIVE, 0),
    load(4, answer, frame, optionAt),
    ifIsNot(answer, 0, "done"),
    ...withOption(BPF_FUNC_setsockopt, IPPROTO_TCP, TCP_KEEPIDLE, probeS),
    ...withOption(BPF_FUNC_setsockopt, IPPROTO_TCP, TCP_KEEPINTVL, probeS),
    ...withOption(BPF_FUNC_setsockopt, IPPROTO_TCP, TCP_KEEPCNT, probesMax),
    ...withOption(BPF_FUNC_setsockopt, SOL_SOCKET, SO_KEEPALIVE, 1),
    label("done"),
    set(answer, 1),
    exit,
  ]);
}

// --- internal ---

/** Half of what slirp bears; the kernel takes at most 127 probes in vain. */
const probeS = 300;
const probesMax = 127;

const { answer, context, frame } = registers;
/** Where in the frame an option's value is. */
const optionAt = -4;

/** linux/bpf.h; asm-generic/socket.h and linux/tcp.h, the same on x86_64 and aarch64. */
const BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB = 4;
const BPF_FUNC_setsockopt = 49;
const BPF_FUNC_getsockopt = 57;
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

/** Calls a helper for a socket's option, with a value of four bytes. */
function withOption(helper: number, level: number, name: number, value: number): readonly BpfLine[] {
  const { copy, set, add, store, call } = bpf;
  return [
    set(1, value),
    store(4, frame, optionAt, 1),
    copy(1, context),
    set(2, level),
    set(3, name),
    copy(4, frame),
    add(4, optionAt),
    set(5, 4),
    call(helper),
  ];
}
