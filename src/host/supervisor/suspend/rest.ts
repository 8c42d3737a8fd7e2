/** What a VM that may fall asleep has beside its guest: doors that stay open, and what takes its place there. */
import { messageOf } from "../../../base/errors.ts";
import { msIn } from "../../config/idle-time.ts";
import type { VmConfig } from "../../config/schema.ts";
import { after, type Timer } from "../../../system/clock.ts";
import { releaseCode } from "../../../system/kernel/memory.ts";
import { goOn } from "../../qmp/migrate.ts";
import { dismissMasters } from "../../integrate/ssh-master.ts";
import type { VmPaths } from "../../layout.ts";
import { bootPorts, type BootRecord } from "../boot/boot.ts";
import type { Teller } from "../options.ts";
import type { State } from "../states.ts";
import { Doors } from "../seam/doors.ts";
import { HeldPorts } from "./held-ports.ts";
import { Idle } from "./idle.ts";
import { SshDoor } from "./ssh-door.ts";
import { type Running, Suspension } from "./suspension.ts";

/** How long after it fell asleep, and after a start, there is nothing left to do that is not done again and again. */
const quietMs = 5_000;
const settledMs = 30_000;

/** The rest of one supervisor's VM. */
export class Rest implements Disposable {
  readonly doors: Doors;
  readonly suspension: Suspension;
  readonly idle: Idle;
  readonly sshDoor: SshDoor;
  readonly #held: HeldPorts;
  readonly #running: () => Running | undefined;
  readonly #tell: Teller;
  #quiet: Timer | undefined;
  #isFallingAsleep = false;

  /** `running` gives what runs; a VM that is being suspended, or falls asleep, has been running. */
  constructor(paths: VmPaths, running: () => Running | undefined, tell: Teller) {
    this.doors = new Doors(paths, tell.log);
    this.suspension = new Suspension(paths, tell);
    this.sshDoor = new SshDoor(this.doors.gateway, tell);
    const ssh = { connections: () => this.sshDoor.connections, dismissMasters: () => dismissMasters(paths) };
    this.idle = new Idle(this.doors.gateway.idle, running, ssh, tell);
    this.#held = new HeldPorts(tell.log);
    this.#running = running;
    this.#tell = tell;
  }

  /** Suspends what runs: because somebody wants it, who may come while that is under way, or because nobody uses it. */
  suspend(isByItself: boolean): void {
    if (this.suspension.isUnderWay) return this.suspension.insist();
    const running = this.#running();
    if (running === undefined) return;
    this.#isFallingAsleep = isByItself;
    // From now on nobody is carried into a guest that is saved in a moment.
    if (isByItself) this.#keepClients();
    this.suspension.begin(running, isByItself);
    if (isByItself) this.suspension.done.catch((error: unknown) => this.idle.failed(error));
  }

  /** Somebody may come for a guest that sleeps already. */
  openDoors(): void {
    this.#keepClients();
    this.doors.openSockets();
  }

  /** Stops the guest's processors; whoever comes waits, and wakes it. */
  pause(): void {
    const running = this.#running();
    if (running === undefined) return;
    this.#isFallingAsleep = false;
    this.#keepClients();
    running.seam.pause();
    running.qemu.qmp.execute("stop").catch((error: unknown) => {
      this.#tell.log(`it cannot be paused: ${messageOf(error)}`);
      this.#tell.dispatch({ type: "wake" });
    });
  }

  /** Has them go on, and serves those who wait, unless it falls asleep now. Throws QEMU_FAILED. */
  async goOn(): Promise<void> {
    const running = this.#running();
    if (running === undefined) return;
    await goOn(running.qemu.qmp);
    running.seam.goOn(!this.#isFallingAsleep);
    this.idle.wentOn();
  }

  /** The guest is asleep. */
  keepWatch(boot: BootRecord | undefined): void {
    if (boot !== undefined) {
      this.sshDoor.open(boot.sshPort);
      this.#held.hold(boot);
    }
    // What the time awake has left is of no use to anybody now, and once all is quiet most of the code is not either.
    Bun.gc(true);
    this.#releaseCodeIn(quietMs);
  }

  /** The VM is in another state. */
  stateIs(name: State["name"]): void {
    this.idle.stateIs(name);
    if (name === "running") this.#releaseCodeIn(settledMs);
  }

  /** This boot has a QEMU from now on. */
  leadTo(boot: BootRecord): void {
    this.sshDoor.leadTo(bootPorts(boot).ssh);
    if (boot.sshForwardPort !== undefined) this.sshDoor.open(boot.sshPort);
  }

  /** A guest starts, whose settings are these: its ports are QEMU's. */
  leave({ after: sleepAfter, pause, wake }: VmConfig["idle"]): void {
    this.#quiet?.cancel();
    this.idle.follow({ sleepMs: msIn(sleepAfter), pauseMs: msIn(pause), wakeMs: msIn(wake) });
    this.#held.letGo();
  }

  [Symbol.dispose](): void {
    this.#quiet?.cancel();
    this.#held.letGo();
    this.sshDoor.close();
    this.doors.close();
  }

  /** A start runs through most of this program, and nothing after it does. */
  #releaseCodeIn(delayMs: number): void {
    this.#quiet?.cancel();
    this.#quiet = after(delayMs, releaseCode);
  }

  /** Clients wait from now on, and wake the guest. */
  #keepClients(): void {
    this.doors.gateway.rest(() => this.#tell.dispatch({ type: "wake" }));
  }
}
