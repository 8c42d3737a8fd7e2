/** Tells a person of a server of virtiofs that has ended while its mount is plugged in: the guest waits for it. */
import { deviceIds } from "../../qmp/plug.ts";
import type { Served } from "./boot.ts";
import type { Qemu } from "./qemu.ts";

/** The servers of one supervisor. */
export class LostShares {
  readonly #qemu: () => Qemu | undefined;
  readonly #warn: (text: string) => void;
  /** How often a device of this tag was plugged in anew. */
  readonly #renewed = new Map<string, number>();

  constructor(qemu: () => Qemu | undefined, warn: (text: string) => void) {
    this.#qemu = qemu;
    this.#warn = warn;
  }

  /** The share's device was unplugged: whatever served it ends by that, and may be seen to only later. */
  renew({ tag }: Served): void {
    this.#renewed.set(tag, (this.#renewed.get(tag) ?? 0) + 1);
  }

  /** What hears of the end of servers that are started now. */
  listener(): (share: Served) => void {
    const then = new Map(this.#renewed);
    return ({ tag, path }) => {
      const qmp = this.#qemu()?.qmp;
      if (qmp === undefined || then.get(tag) !== this.#renewed.get(tag)) return;
      const lost = `The server of virtiofs has ended for the mount ${path}, which hangs until \`qn restart\`.`;
      void deviceIds(qmp).then(
        (ids) => ids.has(tag) && this.#warn(lost),
        () => {},
      );
    };
  }
}
