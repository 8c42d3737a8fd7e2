/**
 * Requests of fsync and sync that somebody else works on, so that the next ones need not wait for the disk. They stand
 * in the state's memory: all requests of a ring are taken in their order, so what is done of them is all up to the one
 * that is next, but for these.
 */
import { head, syncsMax, syncWords } from "../node/state-plan.ts";

/** What is to be on the disk: an open file, what is in it alone, the same of a folder, or all of the file system. */
export const syncKind = { file: 0, fileData: 1, folder: 2, folderData: 3, all: 4 } as const;

/** A request: the ring and its number there, what FUSE calls it, and what is open that it is about; 0 for all. */
export type SlowSync = {
  readonly ring: number;
  readonly head: number;
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  readonly handle: number;
  readonly kind: number;
};

const FREE = 0;
const PENDING = 1;
/** Its answer is being given: whether it was, the ring's counter of what is done says. */
const ENDING = 2;

const at = {
  status: 0,
  ring: 1,
  head: 2,
  uniqueLow: 3,
  uniqueHigh: 4,
  handle: 5,
  kind: 6,
  doneBefore: 7,
} as const;

/** Those of one share. */
export class SlowSyncs {
  readonly #words: Uint32Array;

  /** `words` are those of the state's head. */
  constructor(words: Uint32Array) {
    this.#words = words;
  }

  /** Notes a request, and gives its place; nothing when there are too many. From here on it counts as taken. */
  add(sync: SlowSync): number | undefined {
    const place = this.#places().find((each) => this.#get(each, "status") === FREE);
    if (place === undefined) return undefined;
    for (const name of ["ring", "head", "uniqueLow", "uniqueHigh", "handle", "kind"] as const)
      this.#set(place, name, sync[name]);
    this.#set(place, "status", PENDING);
    return place;
  }

  /** What is pending at a place; nothing for one that is free. */
  get(place: number): SlowSync | undefined {
    if (place >= syncsMax || this.#get(place, "status") !== PENDING) return undefined;
    return {
      ring: this.#get(place, "ring"),
      head: this.#get(place, "head"),
      uniqueLow: this.#get(place, "uniqueLow"),
      uniqueHigh: this.#get(place, "uniqueHigh"),
      handle: this.#get(place, "handle"),
      kind: this.#get(place, "kind"),
    };
  }

  /** The places of what is pending, of one ring or of all. */
  of(ring?: number): readonly number[] {
    return this.#places().filter((place) => {
      const sync = this.get(place);
      return sync !== undefined && (ring === undefined || sync.ring === ring);
    });
  }

  /** Gives the answer of what is pending by `give`; the ring has `done` requests done before. */
  end(place: number, done: number, give: () => void): void {
    this.#set(place, "doneBefore", done);
    this.#set(place, "status", ENDING);
    give();
    this.#set(place, "status", FREE);
  }

  /** Takes over what a killed process has left of a ring that has `done` requests done: how many are pending. */
  takeOver(ring: number, done: number): number {
    for (const place of this.#places()) {
      if (this.#get(place, "status") !== ENDING || this.#get(place, "ring") !== ring) continue;
      this.#set(place, "status", this.#get(place, "doneBefore") === done ? PENDING : FREE);
    }
    return this.of(ring).length;
  }

  #places(): readonly number[] {
    return Array.from({ length: syncsMax }, (_, place) => place);
  }

  #get(place: number, name: keyof typeof at): number {
    return this.#words[head.syncs + place * syncWords + at[name]] ?? 0;
  }

  #set(place: number, name: keyof typeof at, value: number): void {
    this.#words[head.syncs + place * syncWords + at[name]] = value;
  }
}
