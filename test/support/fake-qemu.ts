/** A program in QEMU's place: answers what qn asks of one, and boots a "guest" that behaves or misbehaves as it is told. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openGate } from "../../src/agent/link/gate.ts";
import { HostLink } from "../../src/agent/link/link.ts";
import { encode, LineReader } from "../../src/protocol/frame.ts";
import { gateGuestPort, parseBoot, sshGuestPort } from "../../src/protocol/messages.ts";
import { ownArch } from "../../src/system/platform.ts";
import { type Connection, listen, type Listener } from "../../src/system/net/connection.ts";
import { answerTo, type Given } from "./fake-answers.ts";
import { credential, forwarded, inMemory, part, values } from "./fake-command-line.ts";
import { consoleAt, consoleIn } from "./fake-console.ts";
import { fakeDocker } from "./fake-docker.ts";
import { inTwoParts } from "./fake-qmp.ts";
import { Devices, guestOf } from "./fake-devices.ts";
import { restAsTold } from "./fake-rest.ts";
import { dieAt, type Dying, fill, isLet, losesState, Migration } from "./fake-migration.ts";
import { type Flood, floodedFolder, floodingAgent, floods } from "./flooding-agent.ts";
import { forwardedPort } from "./forwarding-rule.ts";
import { bootNativeGuest, nativeFolder } from "./native-guest.ts";
import { otherWords } from "./other-agents.ts";

/** How this QEMU and its guest behave. */
export type Behaviour =
  /** As they should. */
  | "boots"
  /** QEMU ends at once, with words. */
  | "exits"
  /** The first time somebody else has its port. */
  | "loses-port"
  /** Its monitor accepts connections and says nothing. */
  | "never-greets"
  /** The guest says one line and no more, and a reset lets it say that line again; it boots in a folder with "wakes". */
  | "hangs"
  /** Its guest's console goes to serial.log itself, as an older qn has told it, and has no socket. */
  | "logs-console"
  /** The guest runs and does not listen to the power button. */
  | "ignores-power"
  /** The guest runs, listens to nothing, and QEMU does not quit when it is told to. */
  | "ignores-all"
  /** The agent in the guest speaks a newer protocol, an older one, or the same as an older qn. */
  | "newer-agent"
  | "older-agent"
  | "older-version"
  /** The agent says hello, and then what no version says. */
  | "garbling-agent"
  /** The agent says hello, and floods the host once it is told to (SIGUSR1), without reading what the host says. */
  | `floods-${Flood}`
  /** Everything runs but Docker. */
  | "no-docker"
  /** The guest does not let go of the host's folders; QEMU does not save it; somebody dies when QEMU gets a command. */
  | "holds-mounts"
  /** The agent is told to let go of them, and says nothing. */
  | "never-sleeps"
  | "cannot-migrate"
  /** Somebody else takes what is left of its disk just before it is saved. */
  | "loses-disk"
  /** It is built without the device of virtiofs. */
  | "without-virtiofs"
  /** QEMU unplugs no device of the guest's. */
  | "cannot-unplug"
  /** The guest is told to give one back, and does not. */
  | "never-unplugs"
  /** Somebody removes its state while it ends, for which it takes its time. */
  | "loses-state"
  /** A QEMU that reads a state from a path, and one that says that it would. */
  | "newer-qemu"
  | "newer-qemu-reads-no-path"
  /** The guest, which is a copy, cannot be made another one. */
  | "never-renews"
  | Dying
  /** The guest is a real one, without an emulator. */
  | "native";

// As QEMU, it goes on when nobody hears it (EPIPE).
process.stderr.on("error", () => {});

const [behaviour, ...argv] = process.argv.slice(2) as [Behaviour, ...string[]];
const version = behaviour.startsWith("newer-qemu") ? "10.0.2" : "7.2.22";

if (argv.includes("--version")) process.stdout.write(`QEMU emulator version ${version} (fake)\n`);
else if (behaviour === "without-virtiofs" && argv.some((word) => word.endsWith(",help"))) process.exitCode = 1;
else if (argv.some((word) => /^(.*,)?help$/.test(word))) process.stdout.write("tcg\n");
else if (values("-device").every((value) => !value.includes("qn-system"))) process.exitCode = 1;
else if (behaviour === "exits") {
  process.stderr.write("qemu-system-fake: Could not open the disk\nqemu-system-fake: giving up\n");
  process.exitCode = 1;
} else {
  const lost = `${part("-chardev", "id=serial", "path")}.lost`;
  const isLost = behaviour === "loses-port" && !existsSync(lost);
  if (isLost) writeFileSync(lost, "");
  const door = forwardedPort(forwarded(gateGuestPort), isLost);
  if (door !== undefined) run(door);
}

// --- internal ---

function run(door: Listener): void {
  const serial = part("-chardev", "id=serial", "path");
  const { say, hasReader } = behaviour === "logs-console" ? consoleIn(dirname(serial)) : consoleAt(serial);
  listen({ hostname: "127.0.0.1", port: forwarded(sshGuestPort) }, (client) => {
    client.take({ onEnd: () => client.end() });
    client.write("SSH-2.0-fake\r\n");
  });
  const monitors = new Set<Connection>();
  // A guest that is loaded boots no more: it is there once QEMU lets it go on.
  const isIncoming = argv.includes("-incoming");
  let isBooting = isIncoming;
  let guest: Guest | undefined;
  let sent = Promise.resolve();
  const send = (monitor: Connection, message: object): void => {
    sent = inTwoParts(monitor, encode(message), sent);
  };
  const tell = (event: string, data: object = {}): void => {
    for (const monitor of monitors) send(monitor, { event, data, timestamp: { seconds: 0, microseconds: 0 } });
  };
  const end = (): void => {
    // oxlint-disable-next-line unicorn/no-process-exit -- listeners are open, as QEMU's are when it ends
    void sent.then(() => process.exit(0));
  };
  listen({ unix: part("-chardev", "id=qmp", "path") }, (monitor) => {
    if (behaviour === "never-greets") return;
    monitors.add(monitor);
    const commands = new LineReader();
    monitor.amend({
      onClose: () => monitors.delete(monitor),
      onData: (bytes) => {
        for (const line of commands.cut(bytes)) obey(monitor, line);
      },
    });
    const [major, minor, micro] = version.split(".").map(Number);
    send(monitor, { QMP: { version: { qemu: { major, minor, micro }, package: "" }, capabilities: [] } });
  });
  // Firmware takes longer than a supervisor needs to come, and what is said while nobody is there is gone.
  void hasReader.then(() => say("UEFI firmware (fake)"));
  // A test can let its guest and its QEMU say a word; a file tells that they have.
  let words = 0;
  process.on("SIGWINCH", () => {
    words += 1;
    say(`word ${words}`);
    process.stderr.write(`own word ${words}\n`);
    writeFileSync(`${serial}.said-${words}`, "");
  });
  // A test can fill its disk, so that it pauses, or let its guest's kernel panic, and then start anew.
  const stopForSpace = (): void => {
    writeFileSync(`${serial}.paused`, "");
    tell("BLOCK_IO_ERROR", { device: "", "node-name": "data", operation: "write", action: "stop", nospace: true });
    tell("STOP");
  };
  process.on("SIGHUP", stopForSpace);
  process.on("SIGINT", () => {
    if (guest === undefined) return void start();
    say("[   81.400000] BUG: kernel NULL pointer dereference, address: 0000000000000008");
    say("[   81.400000] RIP: 0010:fake_probe+0x1f/0x40");
    say("[   81.500000] Kernel panic - not syncing: sysrq triggered crash");
    // The agent and its links end with their kernel, and so does Docker.
    tell("VSERPORT_CHANGE", { id: "agent", open: false });
    guest.lose();
    guest = undefined;
    tell("RESET", { guest: true, reason: "guest-reset" });
    say("UEFI firmware (fake)");
  });
  const start = async (): Promise<void> => void (guest = await bootGuest({ door, say, tell, processors: migration }));
  const devices = new Devices(argv, guestOf(behaviour), (device) => tell("DEVICE_DELETED", { device }));
  const faults = {
    // Nor what another process serves, as QEMU 7.2.
    savesNothing: () => behaviour === "cannot-migrate" || devices.areServed,
    readsNoPath: behaviour === "newer-qemu-reads-no-path",
  };
  let going = Promise.resolve();
  const onRunning = (): void => {
    if (guest === undefined) going = isLet(dirname(serial)).then(start);
  };
  const migration = new Migration(isIncoming, faults, { tell, onRunning, onBroken: end });

  function obey(monitor: Connection, line: string): void {
    const { execute, id, arguments: sent } = JSON.parse(line) as { execute: string; id: number; arguments?: Given };
    dieAt(execute, behaviour);
    if (execute === "quit" && (behaviour === "ignores-all" || losesState(behaviour, serial))) return;
    if (execute === "migrate" && behaviour === "loses-disk") fill(dirname(serial));
    const isPaused = existsSync(`${serial}.paused`);
    if (execute === "system_reset") say("reset: UEFI firmware (fake)");
    const state = isPaused ? "io-error" : migration.state;
    const answer = { ...(devices.obey(execute, sent) ?? answerTo(execute, state, sent, values("-blockdev"))), id };
    if (execute !== "cont") send(monitor, answer);
    migration.obey(execute, sent?.uri);
    // A guest that goes on is there at once.
    if (execute === "cont") void going.then(() => send(monitor, answer));
    if (execute === "cont" && isPaused) {
      rmSync(`${serial}.paused`);
      tell("RESUME");
      // The write that did not fit is tried again at once.
      if (existsSync(fullDiskMark(dirname(serial)))) stopForSpace();
    }
    // A guest takes longer than a monitor's greeting; this one starts once somebody would hear its doorbell.
    const isHanging = behaviour === "hangs" && !existsSync(join(dirname(serial), "wakes"));
    if (execute === "qmp_capabilities" && !isHanging && !isBooting) {
      isBooting = true;
      void hasReader.then(start);
    }
    if (execute === "quit") end();
    if (execute === "system_powerdown") {
      process.stderr.write("power button\n");
      if (behaviour !== "ignores-power" && behaviour !== "ignores-all") end();
    }
  }
}

/** While this file is there a write of the guest's that did not fit does not fit either. */
function fullDiskMark(vmFolder: string): string {
  return join(vmFolder, "full");
}

/** What of QEMU's a guest has to do with. `door` holds the port that leads to its gate until there is one. */
type GuestOptions = {
  readonly door: Listener;
  readonly say: (line: string) => void;
  readonly tell: (event: string, data: object) => void;
  readonly processors: Migration;
};

/** A guest that runs; `lose` takes all of it away at once. */
type Guest = { readonly lose: () => void };

/** The guest: the agent's real gate and link, and a fake Docker behind them. */
async function bootGuest({ door, say, tell, processors }: GuestOptions): Promise<Guest> {
  door.close();
  const program = process.env["QN_QEMU"] ?? "/tmp/qemu";
  if (behaviour === "native") {
    await bootNativeGuest(nativeFolder(program), credential("qn.boot"), forwarded(gateGuestPort));
    say("login:");
    tell("VSERPORT_CHANGE", { id: "agent", open: true });
    return { lose: () => {} };
  }
  const boot = parseBoot(inMemory(credential("qn.boot")));
  const socketPath = join(dirname(program), `docker-${process.pid}.sock`);
  const docker = behaviour === "no-docker" ? undefined : await fakeDocker({ socketPath });
  const flood = floods.find((each) => behaviour === `floods-${each}`);
  const flooding = flood === undefined ? undefined : floodingAgent(flood, floodedFolder(program));
  const agent = behaviour === "older-version" ? "0.0.9" : "0.1.0";
  const link = new HostLink({ version: agent, arch: ownArch(), image: "fake 1" });
  link.onDisks = async (disks) => [...disks];
  restAsTold(link, boot.home, behaviour);
  link.onRenew = async (renewal) => {
    if (behaviour === "never-renews") throw new Error("no \u001B[2Jspace");
    Object.assign(boot, renewal.boot);
  };
  const gate = openGate({
    get secret() {
      return Buffer.from(boot.secret, "hex");
    },
    address: { hostname: "127.0.0.1", port: forwarded(gateGuestPort) },
    addressOf: () => {
      if (docker === undefined) throw new Error("Docker does not run.");
      return { unix: docker.socketPath };
    },
    onNames: (connection) => {
      if (flooding !== undefined) return flooding.onNames(connection);
      connection.write(encode({ ok: true }));
    },
    onControl: (connection, early) => {
      // A guest that stands still answers nobody.
      if (processors.state !== "running") return;
      if (flooding !== undefined) return flooding.onControl(connection);
      const said = otherWords[behaviour];
      if (said === undefined) return link.adopt(connection, early);
      connection.write(said.map(encode).join(""));
    },
  });
  if (docker !== undefined) link.reportDocker("ready");
  // A test can kill Docker, and start it again; or begin a flood.
  const onFirst = (): void => {
    if (flooding !== undefined) return flooding.begin();
    void docker?.stop();
    link.reportDocker("down");
  };
  const onSecond = (): void => {
    docker?.start();
    link.reportDocker("ready");
  };
  process.on("SIGUSR1", onFirst).on("SIGUSR2", onSecond);
  say("login:");
  tell("VSERPORT_CHANGE", { id: "agent", open: true });
  return {
    lose() {
      process.off("SIGUSR1", onFirst).off("SIGUSR2", onSecond);
      gate.closeAll();
      void docker?.stop();
    },
  };
}
