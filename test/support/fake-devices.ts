/** The devices of the fake QEMU: what its command line names, and what comes and goes as it is told. */
import { connect, type Connection } from "../../src/system/net/connection.ts";
import type { Given } from "./fake-answers.ts";

/** Whether the guest gives devices back: it does, QEMU cannot even ask it, or it never answers. */
type GuestOfDevices = "gives" | "cannot" | "keeps";

/** What a QEMU's behaviour says of its guest. */
export function guestOf(behaviour: string): GuestOfDevices {
  if (behaviour === "never-unplugs") return "keeps";
  return behaviour === "cannot-unplug" ? "cannot" : "gives";
}

/** Those of one QEMU. */
export class Devices {
  readonly #guest: GuestOfDevices;
  readonly #onDeleted: (id: string) => void;
  readonly #ids: Set<string>;
  /** Connections to the servers of vhost-user, which end when these do. */
  readonly #servers = new Map<string, Promise<Connection>>();

  /** From a command line. */
  constructor(argv: readonly string[], guest: GuestOfDevices, onDeleted: (id: string) => void) {
    this.#guest = guest;
    this.#onDeleted = onDeleted;
    const behind = (flag: string): readonly string[] => argv.filter((_, index) => argv[index - 1] === flag);
    this.#ids = new Set(behind("-device").flatMap((words) => /(?:^|,)id=([^,]+)/.exec(words)?.[1] ?? []));
    for (const words of behind("-chardev")) {
      const [, id, path] = /^socket,id=([^,]+),path=([^,]+)$/.exec(words) ?? [];
      if (id !== undefined && path !== undefined) this.#servers.set(id, connect({ unix: path }));
    }
  }

  /** Whether a server of vhost-user has one of them. */
  get areServed(): boolean {
    return this.#servers.keys().some((id) => this.#ids.has(id));
  }

  /** The answer to a command that is about devices; nothing for others. */
  obey(command: string, { id = "", bus = "", backend }: Partial<Given> = {}): object | undefined {
    switch (command) {
      case "qom-list":
        return { return: [...this.#ids].map((name) => ({ name, type: "child<device>" })) };
      case "device_add":
        if (this.#ids.has(id) || !this.#ids.has(bus)) return refused(`Bus '${bus}' not found`);
        this.#ids.add(id);
        return done;
      case "device_del":
        if (this.#guest === "keeps") return done;
        if (this.#guest === "cannot" || !this.#ids.delete(id)) return refused(`Device '${id}' cannot be unplugged`);
        this.#onDeleted(id);
        return done;
      case "chardev-add":
        if (backend === undefined || this.#servers.has(id)) return refused(`duplicate property '${id}'`);
        this.#servers.set(id, connect({ unix: backend.data.addr.data.path }));
        return done;
      case "chardev-remove": {
        const server = this.#servers.get(id);
        // As QEMU's, it is busy while a device has it.
        if (server === undefined || this.#ids.has(id)) return refused(`Chardev '${id}' is busy`);
        this.#servers.delete(id);
        void server.then((connection) => connection.end());
        return done;
      }
      default:
        return undefined;
    }
  }
}

// --- internal ---

const done = { return: {} };

function refused(desc: string): object {
  return { error: { class: "GenericError", desc } };
}
