/** Has a VM fall asleep that nobody uses. */
import { counted } from "../../../base/words.ts";
import { messageOf } from "../../../base/errors.ts";
import type { IdleClock } from "../../gate/idle-clock.ts";
import type { Teller } from "../options.ts";
import type { State } from "../states.ts";
import type { Running } from "./suspension.ts";

/** What could not be saved is tried again after at least this long: a disk that is full stays so for a while. */
const laterMs = 3_600_000;

/** What is looked at before. */
type Guest = { readonly seam: Pick<Running["seam"], "use" | "forwards"> };

/** Who has sshd's clients: how many, and how those go that have nobody to serve (integrate/ssh-master.ts). */
export type SshUse = { readonly connections: () => number; readonly dismissMasters: () => Promise<void> };

/** The one of a supervisor. */
export class Idle {
  readonly #clock: IdleClock;
  readonly #guest: () => Guest | undefined;
  readonly #ssh: SshUse;
  readonly #tell: Pick<Teller, "dispatch" | "warn" | "log">;
  #afterMs: number | undefined;
  #nextMs: number | undefined;
  #state: State["name"] = "starting";
  #logged = "";
  #warned = "";

  constructor(
    clock: IdleClock,
    guest: () => Guest | undefined,
    ssh: SshUse,
    tell: Pick<Teller, "dispatch" | "warn" | "log">,
  ) {
    this.#clock = clock;
    this.#guest = guest;
    this.#ssh = ssh;
    this.#tell = tell;
    clock.onIdle = () => void this.#look().catch((error: unknown) => this.failed(error));
  }

  /** How long nobody has to have used the VM, as the settings say; undefined for ever. */
  after(afterMs: number | undefined): void {
    this.#afterMs = afterMs;
  }

  /** The time counts while the VM runs. */
  stateIs(name: State["name"]): void {
    this.#state = name;
    if (name === "running") this.#count();
    else this.#clock.stop();
  }

  /** It could not be saved, and goes on. A person hears of each reason once. */
  failed(error: unknown): void {
    // Somebody wants it down, and has called that off.
    if (this.#state === "stopping") return;
    const why = messageOf(error);
    if (why !== this.#warned) this.#tell.warn(`Nobody uses the VM, but it stays awake. ${why}`);
    this.#warned = why;
    this.#nextMs = Math.max(this.#afterMs ?? 0, laterMs);
    if (this.#state === "running") this.#count();
  }

  #count(): void {
    if (this.#afterMs !== undefined) this.#clock.count(this.#nextMs ?? this.#afterMs);
    this.#nextMs = undefined;
  }

  async #look(): Promise<void> {
    const guest = this.#guest();
    if (guest === undefined) return;
    const use = (await this.#useHere(guest)) ?? (await guest.seam.use.ask());
    if (use === undefined) {
      if (this.#clock.isUnused) this.#tell.dispatch({ type: "suspend", isByItself: true });
      return;
    }
    if (use !== this.#logged) this.#tell.log(`stays awake: ${use}`);
    this.#logged = use;
    // Unless somebody has come meanwhile, with whom it counts anew anyway.
    if (this.#state === "running" && this.#clock.isUnused) this.#count();
  }

  /**
   * Who uses it by the ways that this machine sees. A connection that ssh's commands have in common stays for minutes
   * after the last of them; where there is none any more it ends now, and what is connected then is used.
   */
  async #useHere({ seam }: Guest): Promise<string | undefined> {
    const forward = seam.forwards.find(({ connections }) => connections > 0);
    if (forward !== undefined) return `Port ${forward.hostPort} has clients.`;
    if (this.#ssh.connections() > 0) await this.#ssh.dismissMasters();
    const connections = this.#ssh.connections();
    return connections === 0 ? undefined : `ssh has ${counted(connections, "connection")}.`;
  }
}
