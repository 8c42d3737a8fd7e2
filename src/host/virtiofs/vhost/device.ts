/** A device of vhost-user: QEMU's messages in, its rings ready; and whatever comes in a ring to who serves it. */
import { closeFd } from "../../../system/kernel/file-calls.ts";
import { drain, receive, ring as wake, send } from "../../../system/kernel/descriptors.ts";
import { allocate } from "../../../system/kernel/memory.ts";
import { BrokenRing } from "../ring/chain.ts";
import { ringBytes, SplitRing, turnMax } from "../ring/split-ring.ts";
import { keys } from "../store-wire.ts";
import { MappedMemory } from "./mapped-memory.ts";
import { deviceRequests, newRing, newRings, ringRequests, type RingServer, type RingState } from "./ring-state.ts";
import {
  deviceFeatures,
  eventIndexFeature,
  type Header,
  headerBytes,
  parseHeader,
  parseMemoryTable,
  parseRingAddresses,
  parseRingDescriptor,
  parseRingState,
  payloadMax,
  protocolFeatures,
  requests,
  writeReplyHeader,
} from "./wire.ts";

/** What a device does beside serving. */
export type DeviceOptions = {
  readonly server: RingServer;
  /** Keeps a message that makes the device what it is, so that another process can go on with it. */
  readonly keep: (key: number, message: Uint8Array, fds: readonly number[]) => void;
  /** What was kept by this key is no longer so. */
  readonly forget: (key: number) => void;
  readonly warn: (text: string) => void;
};

/** One device, on one connection to QEMU. */
export class Device {
  readonly #options: DeviceOptions;
  readonly #memory = new MappedMemory();
  readonly #rings = newRings();
  readonly #in = allocate(headerBytes + payloadMax);
  readonly #out = allocate(64);
  #hasEventIndex = false;
  #hasProtocol = false;
  /** Where a killed process has left off is in the rings, and not in QEMU's words. */
  #isResumed = false;

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  /** The descriptors that are to be waited for, one for each ring that works. */
  get kicks(): readonly number[] {
    return this.#rings.filter(({ ring }) => ring !== undefined).map(({ kick }) => kick);
  }

  /** Reads one message of QEMU and does what it says; false at the end of the connection. Throws on nonsense. */
  receive(connection: number): boolean {
    const fds: number[] = [];
    if (!this.#fill(connection, 0, headerBytes, fds)) return false;
    const header = parseHeader(this.#in.view);
    if (!this.#fill(connection, headerBytes, header.size, fds)) return false;
    this.#keep(header, fds);
    const value = this.#handle(header, fds);
    if (value !== undefined) this.#reply(connection, header.request, value);
    else if (header.needsReply) this.#reply(connection, header.request, 0n);
    return true;
  }

  /** Does what a kept message said, for nobody who waits for an answer; `resume` follows the last. */
  repeat(message: Uint8Array, fds: readonly number[]): void {
    this.#isResumed = true;
    this.#in.bytes.set(message);
    this.#handle(parseHeader(this.#in.view), fds);
  }

  /** Takes the rings up where a killed process has left them. */
  resume(): void {
    for (const ring of this.#rings) this.#begin(ring);
    this.#isResumed = false;
  }

  /** Serves what a killed process has left in the rings, which nobody kicks for again. */
  serveLeft(): void {
    // What was done and not told is told once more: one call too many harms nobody.
    for (const ring of this.#rings) {
      this.#serve(ring);
      if (ring.ring !== undefined && ring.call >= 0) wake(ring.call);
    }
  }

  /** Whether there is more to serve than a turn has had, for which nobody kicks again. */
  get hasMore(): boolean {
    return this.#rings.some(({ hasMore }) => hasMore);
  }

  /** Serves those rings for a turn whose kicks can be read, by their place among `kicks`, and those that have more. */
  kicked(isReady: (index: number) => boolean): void {
    const working = this.#rings.filter(({ ring }) => ring !== undefined);
    for (const [index, ring] of working.entries()) {
      if (isReady(index)) drain(ring.kick);
      else if (!ring.hasMore) continue;
      this.#serve(ring);
    }
  }

  /**
   * Gives a request back that was to be answered later: `answer` writes what is said, and `end` is called with the
   * ring's counter of what is done and with what makes the request one of these.
   */
  giveBack(index: number, head: number, answer: () => number, end: (done: number, give: () => void) => void): void {
    const state = this.#ringAt(index);
    this.#guarded(state, (ring) => {
      ring.takeAgain(head, this.#memory, this.#options.server);
      const written = answer();
      end(ring.done, () => {
        if (ring.complete(head, written) && state.call >= 0) wake(state.call);
      });
    });
    // Nobody is there who could be told.
    if (state.ring === undefined) end(0, () => {});
  }

  #keep({ request, size }: Header, fds: readonly number[]): void {
    const { keep, forget } = this.#options;
    const ring = ringRequests.has(request) ? (this.#in.bytes[headerBytes] ?? 0) : 0;
    // A ring that is stopped has nothing left that belongs to it.
    if (request === requests.getRingBase) for (const each of ringRequests) forget(keys.message(each, ring));
    else if (ringRequests.has(request) || deviceRequests.has(request))
      keep(keys.message(request, ring), this.#in.bytes.subarray(0, headerBytes + size), fds);
  }

  /** Serves a ring for a turn. */
  #serve(state: RingState): void {
    state.hasMore = false;
    if (!state.isEnabled) return;
    const { server } = this.#options;
    const index = this.#rings.indexOf(state);
    this.#guarded(state, (ring) => {
      for (let turn = 0; turn < turnMax; turn += 1) {
        const head = ring.take(this.#memory, server);
        if (head === undefined) {
          if (!ring.rearm()) return;
          continue;
        }
        const written = server.serve(index, head);
        if (written !== undefined && ring.complete(head, written) && state.call >= 0) wake(state.call);
      }
      state.hasMore = true;
    });
  }

  #guarded(state: RingState, act: (ring: SplitRing) => void): void {
    if (state.ring === undefined) return;
    try {
      act(state.ring);
    } catch (error) {
      if (!(error instanceof BrokenRing) && !(error instanceof RangeError)) throw error;
      // The guest has made nonsense, and waits for itself from now on.
      state.ring = undefined;
      this.#options.warn(`The guest has broken a ring: ${error.message}.`);
    }
  }

  #handle({ request }: Header, fds: readonly number[]): bigint | undefined {
    const payload = new DataView(this.#in.view.buffer, headerBytes, payloadMax);
    switch (request) {
      case requests.getFeatures:
        return deviceFeatures;
      case requests.getProtocolFeatures:
        return protocolFeatures;
      case requests.getQueueCount:
        return BigInt(this.#rings.length);
      case requests.setFeatures:
        this.#setFeatures(payload.getBigUint64(0, true));
        return undefined;
      case requests.setMemoryTable:
        this.#memory.replace(parseMemoryTable(payload), fds);
        for (const ring of this.#rings) this.#start(ring);
        return undefined;
      case requests.setRingAddresses: {
        const addresses = parseRingAddresses(payload);
        this.#ringAt(addresses.index).addresses = addresses;
        this.#start(this.#ringAt(addresses.index));
        return undefined;
      }
      case requests.setRingKick:
      case requests.setRingCall:
      case requests.setRingError:
        this.#setDescriptor(request, payload, fds);
        return undefined;
      case requests.setRingSize:
      case requests.setRingBase:
      case requests.setRingEnable:
      case requests.getRingBase:
        return this.#setState(request, payload);
      default:
        // SET_OWNER, SET_PROTOCOL_FEATURES and what asks for nothing that there is.
        for (const fd of fds) closeFd(fd);
        return undefined;
    }
  }

  #setFeatures(features: bigint): void {
    this.#hasEventIndex = (features & eventIndexFeature) !== 0n;
    this.#hasProtocol = (features & (1n << 30n)) !== 0n;
  }

  #setDescriptor(request: number, payload: DataView, fds: readonly number[]): void {
    const { index, has } = parseRingDescriptor(payload);
    const state = this.#ringAt(index);
    const fd = has ? (fds[0] ?? -1) : -1;
    if (request === requests.setRingCall) {
      if (state.call >= 0) closeFd(state.call);
      state.call = fd;
      return;
    }
    if (request === requests.setRingError) {
      if (fd >= 0) closeFd(fd);
      return;
    }
    if (state.kick >= 0) closeFd(state.kick);
    state.kick = fd;
    // Without protocol features a ring works from its kick on.
    if (!this.#hasProtocol) state.isEnabled = true;
    this.#start(state);
  }

  #setState(request: number, payload: DataView): bigint | undefined {
    const { index, value } = parseRingState(payload);
    const state = this.#ringAt(index);
    if (request === requests.setRingSize) state.size = value;
    else if (request === requests.setRingBase) state.base = value;
    else if (request === requests.setRingEnable) {
      state.isEnabled = value === 1;
      if (!this.#isResumed) this.#serve(state);
    } else {
      this.#options.server.answerAll(index);
      const base = state.ring?.next ?? state.base;
      if (state.kick >= 0) closeFd(state.kick);
      if (state.call >= 0) closeFd(state.call);
      Object.assign(state, { ...newRing(), size: state.size, base });
      return (BigInt(base) << 32n) | BigInt(index);
    }
    return undefined;
  }

  /** A ring that was taken over begins when all is known of all. */
  #start(state: RingState): void {
    if (this.#isResumed) return;
    this.#begin(state);
    this.#serve(state);
  }

  /** A ring works when all is known of it: its size, its parts in memory, and what it is kicked by. */
  #begin(state: RingState): void {
    const { addresses, kick, size } = state;
    const before = state.ring?.next;
    state.ring = undefined;
    if (addresses === undefined || kick < 0 || size === 0) return;
    const lengths = ringBytes(size);
    const parts = {
      descriptors: this.#memory.viewAt(addresses.descriptors, lengths.descriptors),
      available: this.#memory.viewAt(addresses.available, lengths.available),
      used: this.#memory.viewAt(addresses.used, lengths.used),
    };
    // Requests are done in their order, but for those that are answered later: what a killed process was at is next.
    const done = parts.used.getUint16(2, true);
    const later = this.#isResumed ? this.#options.server.takeOver(this.#rings.indexOf(state), done) : 0;
    const next = this.#isResumed ? done + later : (before ?? state.base);
    state.ring = new SplitRing(size, parts, next, this.#hasEventIndex);
  }

  #ringAt(index: number): RingState {
    const ring = this.#rings[index];
    if (ring === undefined) throw new RangeError(`vhost-user: ring ${index}`);
    return ring;
  }

  /** GET_VRING_BASE answers index and base, all others a number of 64 bits. */
  #reply(connection: number, request: number, value: bigint): void {
    writeReplyHeader(this.#out.view, request, 8);
    this.#out.view.setBigUint64(headerBytes, value, true);
    send(connection, this.#out.address, headerBytes + 8);
  }

  #fill(connection: number, from: number, length: number, fds: number[]): boolean {
    for (let at = 0; at < length;) {
      const got = receive(connection, this.#in.address + from + at, length - at);
      if (got.length <= 0) return false;
      fds.push(...got.fds);
      at += got.length;
    }
    return true;
  }
}
