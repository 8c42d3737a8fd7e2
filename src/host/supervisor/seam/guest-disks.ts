/** The disks of a VM that runs: they grow, and the guest's file systems follow. */
import { stripVTControlCharacters } from "node:util";
import { messageOf, QnError } from "../../../base/errors.ts";
import { newQueue } from "../../../base/queue.ts";
import { byteSize } from "../../../base/words.ts";
import type { DiskState } from "../../../protocol/disk-messages.ts";
import { dataDisk } from "../../../protocol/disks.ts";
import type { AgentMessage, HostMessage } from "../../../protocol/messages.ts";
import { within } from "../../../system/clock.ts";
import { bytesOf, refuseSmaller, type SizedDisk } from "../../image/disk.ts";
import { nodeOf, nodes } from "../../qemu/devices.ts";
import { nodeSizes, resizeNode } from "../../qmp/commands.ts";
import type { QmpClient } from "../../qmp/client.ts";
import type { GrownDisk } from "../messages.ts";
import type { GuestLink } from "./guest-link.ts";

/** How long the guest may take to make its file systems fill their disks: an emulated one takes seconds. */
const followMs = 60_000;

/** What QEMU is asked through. */
type Monitor = Pick<QmpClient, "execute">;

/** The part of a link that is used. */
type Link = Pick<GuestLink, "hello" | "tell">;

/** Who hears of what goes wrong, and how long the guest may take; as usual unless given. */
export type GuestDisksOptions = {
  readonly warn: (text: string) => void;
  readonly log: (text: string) => void;
  readonly followMs?: number;
};

/** The disks of one supervisor's VM. What QEMU has is asked of QEMU, and remembered nowhere. */
export class GuestDisks {
  readonly #options: GuestDisksOptions;
  readonly #inTurn = newQueue();
  #monitor = Promise.withResolvers<Monitor>();
  #link: Link | undefined;
  #asked = 0;
  readonly #waiting = new Map<number, (states: readonly DiskState[] | undefined) => void>();
  readonly #told = new Set<string>();

  constructor(options: GuestDisksOptions) {
    this.#options = options;
  }

  /** There is a QEMU: what has waited for it is done. */
  own(monitor: Monitor): void {
    this.#monitor.resolve(monitor);
  }

  /** It has ended: what is asked from now on waits for the next one. */
  disown(): void {
    this.#monitor = Promise.withResolvers();
  }

  /**
   * Makes disks as large as they should be, once there is a QEMU, and has the guest's file systems follow, if it can
   * now; else they do at the next link. Disks that this QEMU does not have are left out. Throws DISK_FAILED, and
   * nothing has grown, when one would shrink, and QEMU_FAILED.
   */
  async grow(wanted: readonly SizedDisk[]): Promise<readonly GrownDisk[]> {
    return await this.#inTurn(async () => {
      const monitor = await this.#monitor.promise;
      const sizes = await nodeSizes(monitor);
      const there = wanted.filter(({ name }) => sizes.has(nodeOf(name)));
      const larger = there.filter((disk) => (sizes.get(nodeOf(disk.name)) ?? 0) < bytesOf(disk));
      for (const disk of there) refuseSmaller(disk, sizes.get(nodeOf(disk.name)) ?? 0);
      for (const disk of larger) {
        await resizeNode(monitor, nodeOf(disk.name), bytesOf(disk));
        this.#options.log(`the disk "${disk.name}" has ${byteSize(bytesOf(disk))} now`);
      }
      const states = larger.length === 0 ? [] : await this.#follow(monitor);
      return larger.map((disk) => grown(disk, states));
    });
  }

  /**
   * A new link: the guest is told how large its disks are, which repairs whatever has grown while nobody was there, and
   * says what it has of them.
   */
  linked(link: Link, volumes: number): void {
    this.#link = link;
    if (canDisks(link)) return void this.#monitor.promise.then((monitor) => this.#ask(link, monitor)).catch(this.#fail);
    if (volumes === 0) return;
    this.#options.warn(
      "The guest's agent is too old for the setting volumes: it mounts none of them. Build the image again with `qn image build`.",
    );
  }

  /** The link is gone, and nobody will answer on it. */
  unlinked(): void {
    this.#link = undefined;
    for (const answer of this.#waiting.values()) answer(undefined);
    this.#waiting.clear();
  }

  /** Takes what the guest says of its disks; a person hears once of each thing that is wrong. */
  answered({ answers, disks }: Extract<AgentMessage, { type: "disks" }>): void {
    for (const { name, error } of disks) {
      const words = `The disk "${name}" in the guest: ${stripVTControlCharacters(error ?? "")}`;
      if (error === undefined || this.#told.has(words) || this.#told.size >= toldMax) continue;
      this.#told.add(words);
      this.#options.warn(words);
    }
    this.#waiting.get(answers)?.(disks);
    this.#waiting.delete(answers);
  }

  /** What the guest has once it has followed; nothing when it cannot be asked, or does not answer. */
  async #follow(monitor: Monitor): Promise<readonly DiskState[] | undefined> {
    const link = this.#link;
    if (link === undefined || !canDisks(link)) return undefined;
    const { promise, resolve } = Promise.withResolvers<readonly DiskState[] | undefined>();
    const ask = await this.#ask(link, monitor, resolve);
    try {
      return await within(promise, this.#options.followMs ?? followMs, noAnswer);
    } catch (error) {
      this.#options.log(messageOf(error));
      return undefined;
    } finally {
      this.#waiting.delete(ask);
    }
  }

  async #ask(link: Link, monitor: Monitor, answer?: (states: readonly DiskState[] | undefined) => void) {
    const disks = disksIn(await nodeSizes(monitor));
    this.#asked += 1;
    const ask = this.#asked;
    // A link that was lost meanwhile has nobody on it.
    if (answer !== undefined && link !== this.#link) answer(undefined);
    else if (answer !== undefined) this.#waiting.set(ask, answer);
    link.tell({ type: "disks", ask, disks });
    return ask;
  }

  readonly #fail = (error: unknown): void => this.#options.log(`the guest's disks: ${messageOf(error)}`);
}

// --- internal ---

/** How much a guest may have a person told. */
const toldMax = 32;

function noAnswer(): QnError {
  return new QnError("PROTOCOL", "The guest does not say that its file systems have grown.");
}

function canDisks({ hello }: Link): boolean {
  return hello.capabilities?.includes("disks") === true;
}

/** The VM's own disks among QEMU's nodes, with their sizes. */
function disksIn(sizes: ReadonlyMap<string, number>): Extract<HostMessage, { type: "disks" }>["disks"] {
  return [...sizes].flatMap(([node, sizeBytes]) => {
    const name = node === nodes.data ? dataDisk : node.startsWith(nodeOf("")) ? node.slice(nodeOf("").length) : "";
    return name === "" ? [] : [{ name, sizeBytes }];
  });
}

function grown(disk: SizedDisk, states: readonly DiskState[] | undefined): GrownDisk {
  const { name } = disk;
  const state = states?.find((each) => each.name === name);
  const error = state?.error === undefined ? null : stripVTControlCharacters(state.error);
  return { name, sizeBytes: bytesOf(disk), isFilled: state !== undefined && error === null, error };
}
