/** Keeps the seam of the boot of now, and what outlives one: who goes on after a sleep finds the one it had. */
import { offerContext, withdrawContext } from "../../integrate/docker/context.ts";
import type { Prepared } from "../../vm/prepare.ts";
import type { BootRecord } from "../boot/boot.ts";
import type { SuperviseOptions, Teller } from "../options.ts";
import type { Doors } from "./doors.ts";
import type { GuestDisks } from "./guest-disks.ts";
import { HandForwards } from "./hand-forwards.ts";
import { seamOptions } from "./options.ts";
import { Seam } from "./seam.ts";

/** The seams of one supervisor's VM. */
export class SeamKeeper {
  /** What people forward by hand; it is listened on once there is a guest to lead to. */
  readonly handForwards: HandForwards;
  readonly #options: SuperviseOptions;
  readonly #tell: Teller;
  readonly #guestDisks: GuestDisks;
  readonly #doors: () => Doors;
  #current: Seam | undefined;
  #currentOf: object = {};
  #isListening = false;
  #context: Promise<void> | undefined;

  constructor(options: SuperviseOptions, tell: Teller, guestDisks: GuestDisks, doors: () => Doors) {
    this.#options = options;
    this.#tell = tell;
    this.#guestDisks = guestDisks;
    this.#doors = doors;
    this.handForwards = new HandForwards(options.paths, (forwards) =>
      this.#isListening ? this.#current?.listenByHand(forwards) : undefined,
    );
  }

  get current(): Seam | undefined {
    return this.#current;
  }

  /** The seam of this boot, which reaches for nothing before it is to dial. */
  open(prepared: Prepared, boot: BootRecord): void {
    const of = { secret: boot.secret, config: prepared.config };
    if (this.#current !== undefined && Bun.deepEquals(of, this.#currentOf)) return;
    this.#current?.close();
    this.#currentOf = of;
    this.#isListening = false;
    this.#current = new Seam({
      ...seamOptions(this.#options, prepared, boot, {
        ...this.#tell,
        guestDisks: this.#guestDisks,
        doors: this.#doors(),
      }),
      onDocker: () => this.#offerContext(prepared.config),
    });
  }

  /** Links to the guest, and listens on what is forwarded to it by hand. */
  dial(): void {
    void this.#listen();
    this.#current?.dial();
  }

  /** There is no guest to link to before somebody comes for it: listens, and gives Docker's context. */
  async wait({ config }: Prepared): Promise<void> {
    await this.#listen();
    await this.#offerContext(config);
  }

  close(): void {
    this.#current?.close();
  }

  /** Takes Docker's context away, if it was given. */
  async withdrawContext(): Promise<void> {
    const { paths, env } = this.#options;
    await this.#context;
    await withdrawContext(paths, env, this.#tell.log);
  }

  async #listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    await this.handForwards.begin(this.#tell.warn);
  }

  async #offerContext({ docker }: Prepared["config"]): Promise<void> {
    const { paths, env } = this.#options;
    await (this.#context ??= offerContext(paths, env, docker.context, this.#tell.warn));
  }
}
