/** Carries out what the state machine decides, and owns every handle that comes of it. */
import { appendFile, rm } from "node:fs/promises";
import { QnError, reportOf } from "../../base/errors.ts";
import { after, type Timer } from "../../system/clock.ts";
import type { Listener } from "../../system/connection.ts";
import { dockerApi } from "../../system/docker-api.ts";
import { openDockerSocket } from "../docker-socket.ts";
import type { GateKey } from "../gate/dial.ts";
import { Gateway } from "../gate/gateway.ts";
import { Forwards } from "../ports/apply.ts";
import { type Prepared, prepareVm } from "../prepare.ts";
import { qemuArgs } from "../qemu/args.ts";
import { powerDown } from "../qmp/commands.ts";
import { writeSshConfig } from "../integrate/ssh-config.ts";
import { makeDisks } from "./disks.ts";
import { type BootRecord, newBoot, readBootRecord, writeBootFiles } from "./boot.ts";
import { type GuestLink, linkGuest } from "./guest.ts";
import type { Effect, Event } from "./machine.ts";
import { adoptQemu, type Qemu, startQemu } from "./qemu.ts";
import type { SuperviseOptions } from "./run.ts";
import { tailOf, watchForSilence } from "./serial.ts";
import type { Snapshot } from "./status.ts";
import type { AgentMessage } from "../../protocol/messages.ts";

/** How the effects tell what came of them. */
export type Teller = {
  readonly dispatch: (event: Event) => void;
  readonly warn: (text: string) => void;
  readonly log: (text: string) => void;
};

/** How long a boot may take, and how long the guest may be silent meanwhile: emulation is some ten times slower. */
const patience = {
  hardware: { bootMs: 120_000, silenceMs: 30_000 },
  emulation: { bootMs: 600_000, silenceMs: 90_000 },
} as const;

/** Between two tries to link to an agent that has rung but does not answer. */
const redialMs = 500;

/** The hands of one supervisor. */
export class Effects {
  readonly #options: SuperviseOptions;
  readonly #tell: Teller;
  readonly #gateway = new Gateway();
  #prepared: Prepared | undefined;
  #boot: BootRecord | undefined;
  #qemu: Qemu | undefined;
  #link: GuestLink | undefined;
  #forwards: Forwards | undefined;
  #dockerSocket: Listener | undefined;
  #dockerReachable = false;
  #deadline: Timer | undefined;
  #redial: Timer | undefined;
  #silence: { close(): void } | undefined;
  #dialling = false;

  constructor(options: SuperviseOptions, tell: Teller) {
    this.#options = options;
    this.#tell = tell;
  }

  /** Finds out what there is: a living QEMU to adopt, or a VM to start. */
  begin(): void {
    this.#attempt(async () => {
      const { layout, paths, env, flags } = this.#options;
      const adopted = await adoptQemu(paths);
      const boot = adopted === undefined ? undefined : await readBootRecord(paths);
      this.#prepared = await prepareVm(layout, paths, env, flags);
      if (adopted !== undefined && boot === undefined) {
        // Without its secret this QEMU is of no use to anybody; its disks are needed for the next one.
        await adopted.kill();
      }
      if (adopted === undefined || boot === undefined) return this.#tell.dispatch({ type: "prepared" });
      this.#tell.log("adopts the QEMU of a supervisor that has died");
      this.#boot = boot;
      this.#own(adopted);
      this.#tell.dispatch({ type: "adopted" });
    });
  }

  perform(effect: Exclude<Effect, { type: "finish" }>): void {
    switch (effect.type) {
      case "make-disks":
        return this.#attempt(() => this.#makeDisks());
      case "start-qemu":
        return this.#attempt(() => this.#startQemu());
      case "reset-guest":
        this.#tell.warn("The guest fell silent while it booted; it is reset.");
        return this.#attempt(async () => void (await this.#qemu?.qmp.execute("system_reset")));
      case "dial-gate":
        return this.#dial();
      case "ping-docker":
        return this.#pingDocker();
      case "press-power-button":
        return this.#attempt(async () => this.#qemu && powerDown(this.#qemu.qmp));
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
    const { paths } = this.#options;
    for (const timer of [this.#deadline, this.#redial]) timer?.cancel();
    this.#silence?.close();
    this.#link?.close();
    this.#forwards?.close();
    this.#dockerSocket?.closeAll();
    for (const path of [paths.dockerSocket, paths.qmpSocket, paths.credentialFile, paths.sshKeyCredentialFile]) {
      await rm(path, { force: true });
    }
  }

  /** How long this VM may take to boot. */
  bootLimitMs(): number {
    return this.#patience.bootMs;
  }

  /** What there is to show. */
  snapshot(): Snapshot {
    return {
      config: this.#prepared?.config,
      accel: this.#accel,
      qemu: { pid: this.#qemu?.pid, version: this.#qemu?.qmp.version },
      sshPort: this.#boot?.sshPort,
      dockerReachable: this.#dockerReachable,
      forwards: this.#forwards?.all ?? [],
    };
  }

  get #accel(): string | undefined {
    return this.#prepared?.specFor({ gate: 1, ssh: 2 }).accel.name;
  }

  get #patience() {
    return this.#accel === "tcg" ? patience.emulation : patience.hardware;
  }

  async #makeDisks(): Promise<void> {
    const { layout, paths } = this.#options;
    const prepared = this.#needPrepared();
    await makeDisks(paths, prepared);
    const boot = await newBoot(paths);
    const spec = prepared.specFor({ gate: boot.gatePort, ssh: boot.sshPort });
    for (const warning of spec.warnings) this.#tell.warn(warning);
    this.#boot = { ...boot, argv: [...qemuArgs(spec)] };
    await writeBootFiles(layout, paths, this.#boot, prepared.shares);
    await writeSshConfig(layout, paths, boot.sshPort);
    this.#tell.dispatch({ type: "disks-ready" });
  }

  async #startQemu(): Promise<void> {
    const { paths } = this.#options;
    this.#silence = watchForSilence(paths.logs.serial, this.#patience.silenceMs, () =>
      this.#tell.dispatch({ type: "stalled" }),
    );
    this.#own(await startQemu(this.#boot?.argv ?? [], paths));
  }

  /** Takes charge of a QEMU: hears its doorbell and its end. */
  #own(qemu: Qemu): void {
    this.#qemu = qemu;
    qemu.qmp.onEvent(({ name, data }) => {
      if (name === "VSERPORT_CHANGE" && data["open"] === true) this.#tell.dispatch({ type: "doorbell" });
    });
    void this.#awaitEnd(qemu);
  }

  async #awaitEnd(qemu: Qemu): Promise<void> {
    const { paths } = this.#options;
    const how = await qemu.exited;
    this.#qemu = undefined;
    const details = [...(await tailOf(paths.logs.qemu, 5)), ...(await tailOf(paths.logs.serial, 10))];
    const error = new QnError("QEMU_EXITED", `${how} while the VM was needed.`, { details });
    this.#tell.dispatch({ type: "qemu-exited", error: reportOf(error) });
  }

  #dial(): void {
    this.#silence?.close();
    if (this.#dialling || this.#boot === undefined || this.#qemu === undefined) return;
    this.#dialling = true;
    this.#redial?.cancel();
    const key = { port: this.#boot.gatePort, secret: Buffer.from(this.#boot.secret, "hex") };
    void this.#linkThrough(key).finally(() => (this.#dialling = false));
  }

  async #linkThrough(key: GateKey): Promise<void> {
    try {
      const link = await linkGuest(key, this.#options.version, {
        onMessage: (message) => this.#hear(message),
        onLost: (reason) => this.#lose(reason),
      });
      this.#adoptLink(link);
    } catch (error) {
      if (error instanceof QnError && error.code === "AGENT_INCOMPATIBLE") {
        return this.#tell.dispatch({ type: "failure", error: reportOf(error) });
      }
      this.#tell.log(`the gate does not answer yet: ${String(error)}`);
      this.#redial = after(redialMs, () => this.#dial());
    }
  }

  #adoptLink(link: GuestLink): void {
    this.#link?.close();
    this.#link = link;
    this.#gateway.use(link.pool);
    this.#tell.log(`linked to the agent, qn ${link.agentVersion}`);
    this.#tell.dispatch({ type: "linked" });
  }

  #lose(reason: string): void {
    this.#tell.log(`lost the agent: ${reason}`);
    this.#gateway.use(undefined);
    this.#link = undefined;
    this.#dockerReachable = false;
    this.#tell.dispatch({ type: "link-lost" });
    if (this.#qemu !== undefined) this.#redial = after(redialMs, () => this.#dial());
  }

  #hear(message: AgentMessage): void {
    switch (message.type) {
      case "hello":
        return;
      case "ports":
        this.#forwards ??= new Forwards(this.#gateway, this.#needPrepared().config.ports.bind, this.#tell.log);
        return this.#forwards.serve(message.ports);
      case "docker":
        if (message.state === "ready") return this.#pingDocker();
        this.#dockerReachable = false;
        return this.#tell.dispatch({ type: "docker-down" });
      case "log":
        return void appendFile(this.#options.paths.logs.agent, `${new Date().toISOString()} ${message.text}\n`, {
          mode: 0o600,
        }).catch((error: unknown) => this.#tell.log(`agent: ${message.text} (not written: ${String(error)})`));
    }
  }

  /** Asks Docker through the host's own socket: that path is what the user has. The guest's side holds the question. */
  #pingDocker(): void {
    const { dockerSocket } = this.#options.paths;
    this.#dockerSocket ??= openDockerSocket(dockerSocket, this.#gateway, (reason) =>
      this.#tell.log(`docker.sock: ${reason}`),
    );
    void this.#askDocker(dockerSocket);
  }

  async #askDocker(dockerSocket: string): Promise<void> {
    try {
      await dockerApi(dockerSocket).ping();
    } catch (error) {
      // The agent reports when Docker is there again, and this asks anew.
      return this.#tell.log(`Docker does not answer: ${String(error)}`);
    }
    this.#dockerReachable = true;
    this.#tell.dispatch({ type: "docker-answers" });
  }

  async #kill(): Promise<void> {
    if (this.#qemu !== undefined) return this.#qemu.kill();
    this.#tell.dispatch({ type: "qemu-exited", error: reportOf(new QnError("QEMU_EXITED", "QEMU does not run.")) });
  }

  #needPrepared(): Prepared {
    if (this.#prepared === undefined) throw new QnError("BUG", "The VM is used before it is prepared.");
    return this.#prepared;
  }

  /** Runs a step whose failure ends the VM. */
  #attempt(action: () => Promise<unknown> | undefined): void {
    Promise.resolve()
      .then(action)
      .catch((error: unknown) => this.#tell.dispatch({ type: "failure", error: reportOf(error) }));
  }
}
