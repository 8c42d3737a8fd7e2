/** The names of nodes, each with a zero byte behind, in units of 16 bytes; freed ones are used again by size. */
import { type Block, copyMemory } from "../../../system/kernel/memory.ts";
import { head, namesAt, nameUnit, nameUnits } from "./state-plan.ts";

/** The names of one share, in the state's memory. Unit 0 is no name. */
export class NameStore {
  readonly #state: Block;
  readonly #head: Uint32Array;
  readonly #free = new Map<number, number[]>();

  constructor(state: Block) {
    this.#state = state;
    this.#head = new Uint32Array(state.view.buffer, 0, 1024);
    if (this.#head[head.namesEnd] === 0) this.#head[head.namesEnd] = 1;
  }

  /** Copies `length` bytes from an address and gives the name's unit; 0 when there is no room. */
  add(from: number, length: number): number {
    const units = unitsOf(length);
    const unit = this.#free.get(units)?.pop() ?? this.#atEnd(units);
    if (unit === 0) return 0;
    if (length > 0) copyMemory(this.addressOf(unit), from, length);
    this.#state.bytes[namesAt + unit * nameUnit + length] = 0;
    return unit;
  }

  /** Whether a name is these bytes. */
  isSame(unit: number, bytes: Uint8Array, from: number, length: number): boolean {
    const at = namesAt + unit * nameUnit;
    for (let index = 0; index < length; index += 1)
      if (this.#state.bytes[at + index] !== bytes[from + index]) return false;
    return true;
  }

  /** Gives a name's room back. */
  remove(unit: number, length: number): void {
    const units = unitsOf(length);
    const free = this.#free.get(units);
    if (free === undefined) this.#free.set(units, [unit]);
    else free.push(unit);
  }

  addressOf(unit: number): number {
    return this.#state.address + namesAt + unit * nameUnit;
  }

  #atEnd(units: number): number {
    const end = this.#head[head.namesEnd] ?? nameUnits;
    if (end + units > nameUnits) return 0;
    this.#head[head.namesEnd] = end + units;
    return end;
  }
}

// --- internal ---

const unitsOf = (length: number): number => Math.floor(length / nameUnit) + 1;
