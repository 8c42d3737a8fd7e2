/** A guest with one device of virtiofs and no QEMU: its memory, its ring and its driver are this test's. */
import { dlopen, FFIType } from "bun:ffi";
import { readFile } from "node:fs/promises";
import { memoryFile, receive, ring, send, socketPair } from "../../src/system/kernel/descriptors.ts";
import { closeFd } from "../../src/system/kernel/file-calls.ts";
import { allocate, mapFile, viewsOf } from "../../src/system/kernel/memory.ts";
import { requests } from "../../src/host/virtiofs/vhost/wire.ts";
import { isThere } from "../../src/system/files.ts";
import { qnAsUser, qnIn } from "./other-user.ts";
import { repository } from "./program.ts";

const memoryBytes = 4 * 2 ** 20;
const ringSize = 128;
const availableAt = 4096;
const usedAt = 8192;
const buffersAt = 65_536;
const bufferBytes = 16_384;
/** Where QEMU would have the guest's memory; any number does. */
const qemuAddress = 0x7f12_3400_0000;

const { symbols: libc } = dlopen("libc.so.6", {
  pipe2: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  connect: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
});

/** What FUSE has answered: 0 or an error's number below zero, and what follows the head. */
export type Answer = { readonly error: number; readonly body: Buffer };

/** How the server is started. */
export type ServerOptions = {
  readonly flags?: readonly string[];
  readonly openFilesMax?: number;
  readonly uid?: number;
  /** The server is one as on a Mac, and so is what QEMU gives it: pipes in the place of eventfds. */
  readonly isMac?: boolean;
  /** Its workers die at once while there is a file beside the socket, `<socket>.dies`. */
  readonly mayDie?: boolean;
  /** A compiled program, in the place of the source. */
  readonly program?: string;
};

/** The server of a folder, and a guest that is connected to it. */
export class VhostGuest implements AsyncDisposable {
  readonly holder: Bun.Subprocess<"pipe", "ignore", "pipe">;
  readonly memory = memoryFile(memoryBytes);
  readonly mapped = viewsOf(mapFile(this.memory, 0, memoryBytes), memoryBytes);
  readonly #message = allocate(1024);
  readonly #connection: number;
  /** Ours, and the server's. */
  readonly #kick: readonly [number, number];
  readonly #call: readonly [number, number];
  #available = 0;
  #unique = 1;
  #slot = 0;

  private constructor(holder: Bun.Subprocess<"pipe", "ignore", "pipe">, connection: number, isMac: boolean) {
    this.holder = holder;
    this.#connection = connection;
    this.#kick = isMac ? reversed(pipe()) : socketPair();
    this.#call = isMac ? pipe() : socketPair();
  }

  /**
   * Starts the server as the supervisor does, connects, and agrees on FUSE. `openFilesMax` is how many descriptors its
   * processes may have, `uid` which user's they are, where the test is root's.
   */
  static async start(
    folder: string,
    socketPath: string,
    { flags = [], openFilesMax = 1024, uid, isMac = false, mayDie = false, program }: ServerOptions = {},
  ): Promise<VhostGuest> {
    const other = mayDie ? "test/support/inside/dying-worker.ts" : "src/main.ts";
    const entry = isMac ? "test/support/inside/as-on-a-mac.ts" : other;
    const limited = ["sh", "-c", `ulimit -n ${openFilesMax}; exec "$0" "$@"`];
    const command = [
      ...limited,
      ...(program !== undefined ? [program] : uid === undefined ? qnIn(repository, entry) : qnAsUser(uid, entry)),
      "virtiofs",
      `--folder=${folder}`,
      `--socket=${socketPath}`,
      ...flags,
    ];
    const holder = Bun.spawn(command, { stdio: ["pipe", "ignore", "pipe"] });
    while (!(await isThere(socketPath))) {
      if (holder.exitCode !== null)
        throw new Error(`the server has ended: ${await new Response(holder.stderr).text()}`);
      await Bun.sleep(10);
    }
    const connection = libc.socket(1, 1, 0);
    const address = Buffer.from(`\u0001\0${socketPath}\0`);
    if (libc.connect(connection, address, address.length) !== 0) throw new Error(`cannot connect to ${socketPath}`);
    const guest = new VhostGuest(holder, connection, isMac);
    guest.#begin();
    const { error } = await guest.ask(
      26,
      1n,
      words(7, 38, 131_072, 0xffffffff, 0, ...Array.from({ length: 11 }, () => 0)),
    );
    if (error !== 0) throw new Error(`INIT has failed with ${error}`);
    return guest;
  }

  /** Asks once and waits for the answer; an answer that never comes ends with the test. */
  async ask(opcode: number, node: bigint, body: Buffer, room = 8192): Promise<Answer> {
    return await this.answerTo(this.submit(opcode, node, body, room));
  }

  /** Puts a request into the ring, and gives what `answerTo` takes. */
  submit(opcode: number, node: bigint, body: Buffer, room = 8192): number {
    const request = Buffer.alloc(40 + body.length);
    request.writeUInt32LE(request.length, 0);
    request.writeUInt32LE(opcode, 4);
    request.writeBigUInt64LE(BigInt((this.#unique += 2)), 8);
    request.writeBigUInt64LE(node, 16);
    body.copy(request, 40);
    const slot = this.#slot++ % (ringSize / 2);
    const at = buffersAt + slot * bufferBytes * 2;
    if (at + 2 * bufferBytes > memoryBytes) throw new Error("the guest's memory is too small");
    this.mapped.bytes.set(request, at);
    this.mapped.view.setUint32(at + bufferBytes, 0, true);
    this.descriptor(2 * slot, at, request.length, 1, 2 * slot + 1);
    this.descriptor(2 * slot + 1, at + bufferBytes, room, 2, 0);
    this.offer(2 * slot);
    return slot;
  }

  /**
   * Puts a request of a real kernel into the ring as it is, and gives its answer; nothing for one that has none. Blocks
   * until it is there.
   */
  forward(request: Uint8Array): Buffer | undefined {
    const answerAt = buffersAt + bufferBytes;
    this.mapped.bytes.set(request, buffersAt);
    this.mapped.view.setUint32(answerAt, 0, true);
    this.descriptor(0, buffersAt, request.length, 1, 1);
    this.descriptor(1, answerAt, bufferBytes, 2, 0);
    this.offer(0);
    while (this.mapped.view.getUint16(usedAt + 2, true) !== (this.#available & 0xffff))
      receive(this.#call[0], this.#message.address, 8);
    const length = this.mapped.view.getUint32(answerAt, true);
    return length === 0 ? undefined : Buffer.from(this.mapped.bytes.slice(answerAt, answerAt + length));
  }

  /** Whether this one of what was submitted has its answer. */
  isAnswered(slot: number): boolean {
    return this.mapped.view.getUint32(buffersAt + slot * bufferBytes * 2 + bufferBytes, true) !== 0;
  }

  /** Waits for what was submitted. */
  async answerTo(slot: number): Promise<Answer> {
    const at = buffersAt + slot * bufferBytes * 2 + bufferBytes;
    await this.settled();
    const length = this.mapped.view.getUint32(at, true);
    const error = this.mapped.view.getInt32(at + 4, true);
    return { error, body: Buffer.from(this.mapped.bytes.slice(at + 16, at + Math.max(16, length))) };
  }

  /** Waits until the server has given back all that it was offered. */
  async settled(): Promise<void> {
    for (;;) {
      // Calls that nobody took would fill their socket, and let the server wait.
      while (receive(this.#call[0], this.#message.address, 8, { wait: false }).length > 0);
      if (this.mapped.view.getUint16(usedAt + 2, true) === (this.#available & 0xffff)) return;
      await Bun.sleep(1);
    }
  }

  /** Writes one descriptor of the ring, whatever it says. */
  descriptor(index: number, address: number, length: number, flags: number, next: number): void {
    this.mapped.view.setBigUint64(index * 16, BigInt(address), true);
    this.mapped.view.setUint32(index * 16 + 8, length, true);
    this.mapped.view.setUint16(index * 16 + 12, flags, true);
    this.mapped.view.setUint16(index * 16 + 14, next, true);
  }

  /** Offers the chain that begins at a descriptor, and kicks. */
  offer(head: number): void {
    this.mapped.view.setUint16(availableAt + 4 + 2 * (this.#available % ringSize), head, true);
    this.#available += 1;
    this.mapped.view.setUint16(availableAt + 2, this.#available & 0xffff, true);
    this.kick();
  }

  /**
   * Asks again and again for what is in the slot, as many programs do, until `act` says so, which may submit one request
   * beside. Gives whether there was always something in the ring: a busy machine lets this process stand still.
   */
  keepBusy(slot: number, act: () => boolean): boolean {
    const { view } = this.mapped;
    // The guest asks for no calls meanwhile (VIRTQ_AVAIL_F_NO_INTERRUPT).
    view.setUint16(availableAt, 1, true);
    const waiting = (): number => (this.#available - view.getUint16(usedAt + 2, true)) & 0xffff;
    let empties = 0;
    for (let isOver = false; !isOver;) {
      const before = waiting();
      // What is not answered may be that one.
      if (before <= 1) empties += 1;
      for (let more = before; more < ringSize - 2; more += 1) {
        view.setUint16(availableAt + 4 + 2 * (this.#available % ringSize), 2 * slot, true);
        this.#available += 1;
      }
      view.setUint16(availableAt + 2, this.#available & 0xffff, true);
      if (before <= 1) this.kick();
      isOver = act();
    }
    // It was so before the first.
    const wasEmpty = empties > 1 || waiting() <= 1;
    view.setUint16(availableAt, 0, true);
    this.kick();
    return !wasEmpty;
  }

  /** Says that there is something in the ring. */
  kick(): void {
    ring(this.#kick[0]);
  }

  /** The process that works for the holder now. */
  async worker(): Promise<number> {
    const { pid } = this.holder;
    for (;;) {
      const [worker] = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ");
      if (worker !== undefined && worker !== "") return Number(worker);
      await Bun.sleep(5);
    }
  }

  /** Hangs up, as QEMU does at its end. */
  hangUp(): void {
    closeFd(this.#connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.holder.kill("SIGKILL");
    await this.holder.exited;
  }

  #begin(): void {
    this.#say(requests.setFeatures, long((1n << 32n) | (1n << 28n) | (1n << 30n)));
    const table = Buffer.concat([words(1, 0), long(0n), long(memoryBytes), long(qemuAddress), long(0n)]);
    this.#say(requests.setMemoryTable, table, [this.memory]);
    this.#say(requests.setRingSize, words(1, ringSize));
    this.#say(requests.setRingBase, words(1, 0));
    const parts = [0, usedAt, availableAt, 0].map((at) => long(qemuAddress + at));
    this.#say(requests.setRingAddresses, Buffer.concat([words(1, 0), ...parts]));
    this.#say(requests.setRingKick, long(1n), [this.#kick[1]]);
    this.#say(requests.setRingCall, long(1n), [this.#call[1]]);
    this.#say(requests.setRingEnable, words(1, 1));
  }

  /** Says something to the server, and waits until it has done so. */
  #say(request: number, payload: Buffer, fds: readonly number[] = []): void {
    this.#message.bytes.set(Buffer.concat([words(request, 9, payload.length), payload]));
    send(this.#connection, this.#message.address, 12 + payload.length, fds);
    receive(this.#connection, this.#message.address, 20);
  }
}

const F_SETPIPE_SZ = 1031;

/** A pipe as QEMU makes one for an eventfd (O_NONBLOCK, O_CLOEXEC), which is soon full: to read, and to write. */
function pipe(): [number, number] {
  const ends = new Int32Array(2);
  if (libc.pipe2(ends, 0o4000 | 0o2000000) !== 0) throw new Error("no pipe");
  const [read = -1, write = -1] = ends;
  libc.fcntl(write, F_SETPIPE_SZ, 4096);
  return [read, write];
}

const reversed = ([one, other]: readonly [number, number]): [number, number] => [other, one];

/** Numbers of 32 bits, one after the other. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * index);
  return bytes;
}

/** A number of 64 bits. */
export function long(value: bigint | number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A name as FUSE has it. */
export const named = (value: string): Buffer => Buffer.from(`${value}\0`);
