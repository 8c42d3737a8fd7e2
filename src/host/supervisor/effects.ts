/** Carries out what the state machine decides, and owns every handle that comes of it. */
import { dirname } from "node:path";
import { messageOf, reportOf } from "../../base/errors.ts";
import { after, type Timer } from "../../system/clock.ts";
import { dismissMasters } from "../integrate/ssh-master.ts";
import { settleVm } from "../snapshot/settle.ts";
import { settleInterrupted } from "./suspend/interrupted.ts";
import { bootAsleep } from "./suspend/asleep.ts";
import { goOnVm } from "./suspend/copy.ts";
import type { Resumed } from "./suspend/resume.ts";
import { Rest } from "./suspend/rest.ts";
import type { Running } from "./suspend/suspension.ts";
import { ownDisks } from "../vm/own-disks.ts";
import { prepareOrPull } from "../vm/prepare-or-pull.ts";
import { type Prepared, prepareVm } from "../vm/prepare.ts";
import { powerDown } from "../qmp/commands.ts";
import { type BootRecord, readBootRecord, removeBootFiles } from "./boot/boot.ts";
import { type Plug, plugger } from "./boot/plugs.ts";
import { endedEarly, noQemu, tellOfCrash } from "./boot/ended.ts";
import { keepFirmwareStore } from "./boot/firmware-store.ts";
import { type LaunchOptions, launchQemu } from "./boot/launch.ts";
import { LostShares } from "./boot/lost-shares.ts";
import { makeBoot } from "./boot/make.ts";
import { GuestTrouble } from "./seam/guest-trouble.ts";
import { GuestDisks } from "./seam/guest-disks.ts";
import { limitLogs } from "./boot/log-limit.ts";
import { patienceOf } from "./lateness.ts";
import type { Effect } from "./states.ts";
import { adoptQemu, type Qemu } from "./boot/qemu.ts";
import type { SuperviseOptions, Teller } from "./options.ts";
import { SeamKeeper } from "./seam/seam-keeper.ts";
import { type SilenceWatch, tailOf, watchForSilence } from "./boot/serial.ts";
import { type Snapshot, snapshotOf } from "./status.ts";

/** The hands of one supervisor. */
export class Effects {
  readonly #options: SuperviseOptions;
  readonly #tell: Teller;
  /** Steps under way, and what calls the start off. */
  readonly #work = new Set<Promise<unknown>>();
  readonly #calledOff = new AbortController();
  /** What is closed at the end, the last first. */
  readonly #opened = new DisposableStack();
  /** The disks of the guest that runs. */
  readonly disks: GuestDisks;
  readonly rest: Rest;
  readonly #launching: LaunchOptions;
  readonly #plug: Plug;
  readonly seams: SeamKeeper;
  /** What there is to show, as far as the start has come. */
  #prepared: Prepared | undefined;
  #boot: BootRecord | undefined;
  #qemu: Qemu | undefined;
  /** The QEMU of a supervisor that has died, until it is this one's or ended. */
  #living: Qemu | undefined;
  /** Whether it is to shut down, which a guest that only just goes on is told as soon as there is a QEMU. */
  #isUnwanted = false;
  #deadline: Timer | undefined;
  #silence: SilenceWatch | undefined;

  constructor(options: SuperviseOptions, tell: Teller) {
    this.#options = options;
    this.#tell = tell;
    this.#launching = {
      signal: this.#calledOff.signal,
      lost: new LostShares(() => this.#qemu, tell.warn),
      doorPort: () => this.rest.sshDoor.port,
      onGoingOn: () => this.#tell.dispatch({ type: "adopted" }),
    };
    this.#plug = plugger(options, this.#launching.lost, tell.warn);
    this.disks = new GuestDisks(tell);
    this.rest = new Rest(options.paths, () => this.#running, tell);
    this.seams = new SeamKeeper(options, tell, this.disks, () => this.rest.doors);
  }

  /** Starts the VM, or takes over the QEMU of a supervisor that has died. */
  begin(): void {
    this.#opened.use(this.rest);
    this.#opened.defer(() => this.seams.close());
    this.#opened.adopt(limitLogs(Object.values(this.#options.paths.logs)), (limit) => limit.close());
    this.#attempt(() => this.#start(this.#options.leavesAsleep));
  }

  perform(effect: Exclude<Effect, { type: "finish" }>): void {
    switch (effect.type) {
      case "reset-guest":
        this.#tell.warn("The guest fell silent while it booted; it is reset.");
        return this.#attempt(async () => {
          await this.#silence?.notDuring(async () => await this.#qemu?.qmp.execute("system_reset"));
        });
      case "start-qemu-again":
        return this.#attempt(() => this.#startAgain());
      case "dial-gate":
        this.#silence?.close();
        // What a full disk does not take is made anew at the next start.
        this.#attempt(() => keepFirmwareStore(this.#options.paths).catch((error) => this.#tell.log(messageOf(error))));
        return this.seams.dial();
      case "ping-docker":
        return this.seams.current?.pingDocker();
      case "press-power-button":
        this.#isUnwanted = true;
        return this.#attempt(async () => this.#qemu && (await powerDown(this.#qemu.qmp)));
      case "suspend":
        return this.rest.suspend(effect.isByItself === true);
      case "keep-watch":
        return this.rest.keepWatch(this.#boot);
      case "pause":
        return this.rest.pause();
      case "go-on":
        return this.#attempt(() => this.rest.goOn());
      case "wake":
        return this.#attempt(() => this.#start());
      case "call-off-suspend":
        return this.rest.suspension.callOff();
      case "kill-qemu":
        return void this.#kill();
      case "set-deadline":
        this.#deadline?.cancel();
        this.#deadline = after(effect.ms, () => this.#tell.dispatch({ type: "deadline" }));
        return;
      case "clear-deadline":
        return this.#deadline?.cancel();
    }
  }

  /** Closes everything that is open and removes what belongs to this boot alone; what others wrote stays. */
  async cleanUp(): Promise<void> {
    this.#calledOff.abort();
    // What is half done is done before its files go, or it would make them anew.
    await Promise.allSettled(this.#work);
    this.#deadline?.cancel();
    this.#opened.dispose();
    // A takeover that was called off, or failed, leaves QEMU, and its way in, to the next supervisor.
    const left = this.#qemu ?? this.#living;
    if (left !== undefined) return await left.leave();
    await removeBootFiles(this.#options.paths);
    await this.seams.withdrawContext();
  }

  /** How long this VM may take to boot. */
  bootLimitMs(): number {
    return patienceOf(this.#prepared?.spec.accel.name).bootMs;
  }

  /** What there is to show. */
  snapshot(): Snapshot {
    return snapshotOf({ ...this.#prepared, boot: this.#boot, qemu: this.#qemu, seams: this.seams, rest: this.rest });
  }

  /** From the settings to a guest that is watched; what is made when it is called off is the clean-up's. */
  async #start(leavesAsleep = false): Promise<void> {
    const { layout, paths, env, flags, template } = this.#options;
    const { dispatch, warn } = this.#tell;
    const { signal } = this.#calledOff;
    const record = await readBootRecord(paths);
    this.#living = await adoptQemu(paths, record?.qemuPid);
    const living = (this.#living &&= await settleInterrupted(paths, this.#living));
    // It runs: whoever wants it down from now on has its guest shut down.
    if (living && record) dispatch({ type: "adopted" });
    // Nobody else has the disks now; what follows goes by what they are.
    if (living === undefined) await settleVm(paths);
    // `qn up` has fetched an image that is missing by now; a service that starts by itself has not.
    const pull = { onPhase: this.#tell.onFetching, onBytes: () => {} };
    // A guest that runs needs no image, and is not kept waiting for one.
    const prepared = await (living === undefined
      ? prepareOrPull({ layout, paths, env, flags, signal, pull, template })
      : prepareVm(layout, paths, env, flags));
    this.#prepared = prepared;
    this.rest.leave(prepared.config.idle);
    if (living && record) return await this.#takeOver({ qemu: living, boot: record, servers: undefined }, prepared);
    // Without its secret this QEMU is of no use to anybody; its disks are needed for the next one.
    await this.#endLiving();
    if (signal.aborted || (leavesAsleep && (await this.#leaveAsleep(prepared)))) return;
    const resumed = await goOnVm(this.#options, prepared, this.#launching, warn);
    if (resumed !== undefined) return await this.#takeOver(resumed, prepared);
    if (signal.aborted) return;
    if (this.#isUnwanted) return dispatch({ type: "qemu-exited", error: noQemu });
    dispatch({ type: "prepared" });
    const first = await makeBoot(this.#options, prepared, this.rest.sshDoor.port);
    if (signal.aborted) return;
    for (const warning of prepared.spec.warnings) warn(warning);
    dispatch({ type: "disks-ready" });
    await this.#launch(prepared, first);
  }

  /** Opens the doors of a VM that is asleep, as it was left; false where it is not. */
  async #leaveAsleep(prepared: Prepared): Promise<boolean> {
    const boot = await bootAsleep(this.#options.paths, prepared.config);
    if (boot === undefined) return false;
    this.#openSeam(prepared, boot);
    this.rest.openDoors();
    await this.seams.wait(prepared);
    this.#tell.dispatch({ type: "suspended" });
    return true;
  }

  /** Starts QEMU for this boot, or one with other ports, and watches its guest. */
  async #launch(prepared: Prepared, first: BootRecord): Promise<void> {
    const { paths, limits } = this.#options;
    const { boot, qemu } = await launchQemu(this.#options, prepared, first, this.#launching);
    this.#openSeam(prepared, boot);
    const { silenceMs = patienceOf(prepared.spec.accel.name).silenceMs } = limits;
    const silence = watchForSilence(paths.logs.serial, silenceMs, () => this.#tell.dispatch({ type: "stalled" }));
    this.#silence = this.#opened.adopt(silence, (it) => it.close());
    this.#own(qemu);
  }

  /** Another boot, with everything anew, for a guest that lost its QEMU before it was up. */
  async #startAgain(): Promise<void> {
    this.#silence?.close();
    tellOfCrash(this.#options.paths, this.#tell);
    const prepared = this.#prepared;
    if (prepared === undefined) return;
    await this.#launch(prepared, await makeBoot(this.#options, prepared, this.rest.sshDoor.port));
  }

  /** A guest that runs already, by itself or because it goes on where it was suspended. */
  async #takeOver({ qemu, boot, servers }: Resumed, prepared: Prepared): Promise<void> {
    this.#tell.log("takes over a QEMU that runs");
    this.#openSeam(prepared, boot);
    let isPlugged = false;
    const trouble = this.#own(qemu, () => isPlugged);
    // From here on it is known how long this takes.
    this.#tell.dispatch({ type: "adopted" });
    await dismissMasters(this.#options.paths);
    // Whoever is linked to looks for its mounts.
    await this.#plug(qemu, boot, servers);
    isPlugged = true;
    this.#tell.dispatch({ type: "doorbell" });
    // Settings that were changed while nobody was there count as if they had been changed now.
    this.disks.grow(ownDisks(this.#options.paths, prepared.config)).catch((error) => this.#tell.warn(messageOf(error)));
    await trouble.begin();
  }

  /** Takes charge of a QEMU: hears its end, and its doorbell while that counts. */
  #own(qemu: Qemu, isHeard: () => boolean = () => true): GuestTrouble {
    this.#qemu = qemu;
    this.#living = undefined;
    this.disks.own(qemu.qmp);
    const { dataDisk, folder, logs } = this.#options.paths;
    const trouble = new GuestTrouble(qemu.qmp, {
      ...this.#tell,
      folders: [dirname(dataDisk), folder],
      console: () => tailOf(logs.serial, 120),
      onReset: () => this.seams.current?.drop("the guest starts anew"),
    });
    qemu.onEvent((event) => {
      const rings = event.name === "VSERPORT_CHANGE" && event.data["open"] === true;
      if (rings && isHeard()) this.#tell.dispatch({ type: "doorbell" });
      trouble.hear(event);
    });
    if (this.#isUnwanted) this.perform({ type: "press-power-button" });
    void this.#awaitEnd(qemu, trouble);
    return trouble;
  }

  async #awaitEnd(qemu: Qemu, trouble: GuestTrouble): Promise<void> {
    const { how, hasCrashed } = await qemu.exited;
    trouble.close();
    this.#qemu = undefined;
    this.disks.disown();
    if (this.rest.suspension.hasSaved(qemu)) return;
    this.#tell.dispatch({ type: "qemu-exited", error: endedEarly(this.#options.paths, how), hasCrashed });
  }

  /** Ends QEMU, also one that is just being started; says that it is gone when there is none. */
  async #kill(): Promise<void> {
    this.#calledOff.abort();
    await Promise.allSettled(this.#work);
    if (this.#qemu !== undefined) return this.#qemu.kill();
    // One that a start has failed to take over is the next one's, unless it was to shut down.
    if (this.#isUnwanted) await this.#endLiving();
    this.#tell.dispatch({ type: "qemu-exited", error: noQemu });
  }

  async #endLiving(): Promise<void> {
    await this.#living?.kill();
    this.#living = undefined;
  }

  /** Where clients of this boot are led. */
  #openSeam(prepared: Prepared, boot: BootRecord): void {
    this.#boot = boot;
    this.rest.leadTo(boot);
    this.seams.open(prepared, boot);
  }

  get #running(): Running | undefined {
    const [seam, qemu, boot, spec] = [this.seams.current, this.#qemu, this.#boot, this.#prepared?.spec];
    return seam && qemu && boot && spec && { seam, qemu, boot, spec, plug: this.#plug };
  }

  /** Runs a step whose failure ends the VM. */
  #attempt(action: () => Promise<unknown>): void {
    const work = action().catch((error) => this.#tell.dispatch({ type: "failure", error: reportOf(error) }));
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }
}
