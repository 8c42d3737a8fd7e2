/** How the fake QEMU is stopped, saved and loaded: its "memory" is a few bytes, and its guest's life goes on with them. */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isErrno } from "../../src/system/errno.ts";
import { connect, listen } from "../../src/system/net/connection.ts";
import { until } from "./until.ts";

/** The commands at whose arrival a test may have somebody die. */
export type Fatal = "stop" | "migrate" | "quit" | "migrate-incoming" | "cont" | "chardev-remove" | "device_add";

/** Who dies then: the supervisor, QEMU, or both. */
export type Dying = `${"orphaned" | "dies" | "both-die"}-at-${Fatal}`;

/** Whoever had to die has: later it would be another parent. */
let isOver = false;

/** Kills who has to die at this command, when it comes for the first time. */
export function dieAt(command: string, behaviour: string): void {
  if (isOver || !behaviour.endsWith(`-at-${command}`)) return;
  isOver = true;
  if (!behaviour.startsWith("dies")) process.kill(process.ppid, "SIGKILL");
  if (!behaviour.startsWith("orphaned")) process.kill(process.pid, "SIGKILL");
}

/** Removes what was saved so far, tells the test so by a file, and has QEMU take its time to end. */
export function losesState(behaviour: string, serialSocket: string): boolean {
  if (behaviour !== "loses-state") return false;
  rmSync(join(dirname(serialSocket), "suspended.state.part"), { force: true });
  writeFileSync(`${serialSocket}.quits`, "");
  return true;
}

/** Resolves when a guest goes on: a test can have that take its time, by a file. */
export async function isLet(vmFolder: string): Promise<void> {
  await until("a guest that goes on", 60_000, () => (existsSync(join(vmFolder, "holds")) ? undefined : true));
}

/** Fills the file system of a folder: somebody else may at any moment. */
export function fill(folder: string): void {
  try {
    for (;;) appendFileSync(join(folder, "filler"), Buffer.alloc(1024 ** 2, 1));
  } catch (error) {
    if (!isErrno(error, "ENOSPC")) throw error;
  }
}

/** The commands that it knows, beside `cont`. */
export const migrationCommands = [
  "stop",
  "migrate-set-capabilities",
  "migrate-set-parameters",
  "migrate",
  "migrate-incoming",
  "query-migrate",
];

/** What the fake's stream says: whether it is whole. */
const begin = "fake memory ";
const end = " end of the fake memory";

/** What the fake does when its guest goes on, and when a state is none. */
type Told = {
  readonly tell: (event: string, data?: object) => void;
  readonly onRunning: () => void;
  readonly onBroken: () => void;
};

/** What it cannot. */
type Faults = { readonly savesNothing: () => boolean; readonly readsNoPath: boolean };

/** The processors of the fake's guest, in QEMU's words. */
export class Migration {
  state: "running" | "paused" | "postmigrate" | "inmigrate";
  readonly #told: Told;
  readonly #faults: Faults;

  constructor(isIncoming: boolean, faults: Faults, told: Told) {
    this.state = isIncoming ? "inmigrate" : "running";
    this.#faults = faults;
    this.#told = told;
  }

  obey(command: string, uri = ""): void {
    const unix = uri.replace("unix:", "");
    if (command === "stop") this.state = "paused";
    // As where whoever was to listen has died: QEMU says so, and its guest stands still as before.
    if (command === "migrate") this.#send(unix).catch(() => this.#told.tell("MIGRATION", { status: "failed" }));
    if (command === "migrate-incoming") this.#receive(uri);
    if (command !== "cont" || this.state === "running") return;
    this.state = "running";
    this.#told.tell("RESUME");
    this.#told.onRunning();
  }

  async #send(unix: string): Promise<void> {
    const connection = await connect({ unix });
    if (this.#faults.savesNothing()) {
      connection.reset();
      return this.#told.tell("MIGRATION", { status: "failed" });
    }
    // In several parts, as memory comes.
    for (const part of [begin, "x".repeat(3_000_000), end]) connection.write(part);
    connection.take({
      onClose: () => {
        this.state = "postmigrate";
        this.#told.tell("MIGRATION", { status: "completed" });
      },
    });
    connection.end();
  }

  #receive(uri: string): void {
    let text = "";
    const finish = (): void => {
      this.state = "paused";
      // What comes behind its own end is not QEMU's.
      const isWhole = text.startsWith(begin) && text.includes(end);
      this.#told.tell("MIGRATION", { status: isWhole ? "completed" : "failed" });
      if (!isWhole) this.#told.onBroken();
    };
    const [way = "", where = ""] = uri.split(/:(.*)/s);
    if (way !== "unix") {
      if (way === "fd") text = readFileSync(Number(where)).toString();
      const [, path = "", offset] = /^(.*),offset=(\d+)$/.exec(where) ?? [];
      if (way === "file" && !this.#faults.readsNoPath) text = readFileSync(path).subarray(Number(offset)).toString();
      return void setImmediate(finish);
    }
    listen({ unix: where }, (connection) =>
      connection.take({
        onData: (bytes) => (text += Buffer.from(bytes).toString()),
        onEnd: () => {
          connection.end();
          finish();
        },
      }),
    );
  }
}
