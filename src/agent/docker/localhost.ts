/** dockerd's own `localhost` (`docker pull localhost:5000/x`): the host's, where nobody in the guest listens. */
import { statSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import { slirp } from "../../protocol/messages.ts";
import { assemble, bpf, registers } from "../../system/kernel/bpf-code.ts";
import { attachToGroup, networkCookie } from "../../system/kernel/bpf.ts";

/** The control group that systemd gives Docker's unit: another one each time that the unit starts. */
const dockerCgroup = "/sys/fs/cgroup/system.slice/docker.service";

/** The way of dockerd's connections, as long as the agent lives: it goes with one that is killed, too. */
export class DockerLocalhost {
  readonly #onTrouble: (text: string) => void;
  readonly #cgroup: string;
  /** The group that was tried last, by the number that no other has; 0 for none. */
  #tried: number | undefined;
  #attached: { close(): void } | undefined;

  constructor(onTrouble: (text: string) => void, cgroup = dockerCgroup) {
    this.#onTrouble = onTrouble;
    this.#cgroup = cgroup;
  }

  /**
   * Leads the connections of the dockerd that runs now; does nothing where it has done so. Where the kernel refuses,
   * that dockerd's localhost stays the guest, which is said once.
   */
  lead(): void {
    const group = statSync(this.#cgroup, { throwIfNoEntry: false })?.ino ?? 0;
    if (group === this.#tried) return;
    this.close();
    this.#tried = group;
    try {
      this.#attached = attachToGroup(this.#cgroup, "connect4", localhostProgram(networkCookie()));
    } catch (error) {
      this.#onTrouble(`Docker's localhost stays the guest's own: ${messageOf(error)}`);
    }
  }

  close(): void {
    this.#attached?.close();
    this.#attached = undefined;
    this.#tried = undefined;
  }
}

/**
 * What the kernel runs before a socket connects over IPv4: TCP to 127.0.0.1 in the network `cookie`, at a port where
 * no socket would answer (one that listens at every address, or at every address of IPv6 too, would), goes to the
 * host's address instead. Docker listens at each port that it publishes, also without its userland proxy, so those
 * stay its own. All else goes where it was sent.
 */
export function localhostProgram(cookie: bigint): Uint8Array {
  const { label, load, store, copy, set, setLong, add, ifIs, ifIsNot, ifDiffer, call, exit } = bpf;
  return assemble([
    copy(context, 1),
    load(4, answer, context, contextAt.protocol),
    ifIsNot(answer, IPPROTO_TCP, "as it is"),
    load(4, address, context, contextAt.address),
    ifIsNot(address, asKernelHasIt("127.0.0.1"), "as it is"),
    call(BPF_FUNC_get_netns_cookie),
    setLong(1, cookie),
    ifDiffer(answer, 1, "as it is"),
    // struct bpf_sock_tuple on the stack: addresses of source and destination, then their ports.
    store(4, frame, -12, address),
    store(4, frame, -8, address),
    set(1, 0),
    store(2, frame, -4, 1),
    load(4, 1, context, contextAt.port),
    store(2, frame, -2, 1),
    copy(1, context),
    copy(2, frame),
    add(2, -12),
    set(3, 12),
    set(4, BPF_F_CURRENT_NETNS),
    set(5, 0),
    call(BPF_FUNC_sk_lookup_tcp),
    ifIs(answer, 0, "to the host"),
    copy(1, answer),
    call(BPF_FUNC_sk_release),
    set(answer, 1),
    exit,
    label("to the host"),
    set(1, asKernelHasIt(slirp.host)),
    store(4, context, contextAt.address, 1),
    label("as it is"),
    set(answer, 1),
    exit,
  ]);
}

// --- internal ---

const { answer, context, frame } = registers;
/** The register for the address that is dialled. */
const address = 7;

/** struct bpf_sock_addr (linux/bpf.h): user_ip4 and user_port as they go over the wire, and protocol. */
const contextAt = { address: 4, port: 24, protocol: 36 } as const;

const IPPROTO_TCP = 6;
const BPF_FUNC_sk_lookup_tcp = 84;
const BPF_FUNC_sk_release = 86;
const BPF_FUNC_get_netns_cookie = 122;
const BPF_F_CURRENT_NETNS = -1;

/** An IPv4 address as a little-endian number of its four bytes. */
function asKernelHasIt(text: string): number {
  return Buffer.from(text.split(".").map(Number)).readInt32LE(0);
}
