/** The agent's side of "changes are seen": tells the host what containers mount, and raises what the host tells. */
import { newQueue } from "../../base/queue.ts";
import type { HostMessage } from "../../protocol/messages.ts";
import type { Container } from "../../system/docker-api.ts";
import { announceFile, announceFolder } from "./announce.ts";
import { Pins } from "./pins.ts";
import { mountSourcesOf } from "./sources.ts";

/** What the host tells of the folders that it watches. */
type Changes = Extract<HostMessage, { type: "changes" }>;

/** Takes one thing after the other, in the order in which it was told. */
export class ChangeReceiver {
  readonly #pins = new Pins();
  readonly #report: (sources: readonly string[]) => void;
  readonly #onTrouble: (text: string) => void;
  #reported: string | undefined;
  readonly #inTurn = newQueue();

  /** `report` sends the sources to the host whenever they are others than before. */
  constructor(report: (sources: readonly string[]) => void, onTrouble: (text: string) => void) {
    this.#report = report;
    this.#onTrouble = onTrouble;
  }

  /**
   * The containers that run now. Resolves when nothing is held any more that they do not mount: what is held keeps its
   * kind for whoever looks it up, and the next container may come for what has its name by then.
   */
  async onContainers(containers: readonly Container[]): Promise<void> {
    const sources = mountSourcesOf(containers);
    const asText = sources.join("\n");
    if (asText === this.#reported) return;
    this.#reported = asText;
    this.#report(sources);
    await this.#pins.keepOnly(sources);
  }

  /** What the host has found or seen change. */
  onChanges(changes: Changes): void {
    void this.#inTurn(() => this.#take(changes)).catch((error: unknown) =>
      this.#onTrouble(`changes: ${String(error)}`),
    );
  }

  async #take({ there, gone, folders, files }: Changes): Promise<void> {
    // The kernel would go on showing a name that is held and gone, or of another kind now.
    for (const path of gone) await this.#pins.release(path);
    for (const path of there) if (!this.#pins.has(path)) await this.#pins.hold(path);
    for (const path of folders) {
      const pin = await this.#holdAs(path, "isDirectory");
      if (pin !== undefined) await announceFolder(pin);
    }
    for (const path of files) {
      const pin = await this.#holdAs(path, "isFile");
      if (pin !== undefined) await announceFile(pin);
    }
  }

  async #holdAs(path: string, isKind: "isDirectory" | "isFile") {
    const pin = await this.#pins.hold(path);
    if (pin === undefined || pin.stats[isKind]()) return pin;
    await this.#pins.release(path);
    return await this.#pins.hold(path);
  }
}
