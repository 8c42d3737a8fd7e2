/** The life of a VM: every transition, in a table. */
import { describe, expect, test } from "bun:test";
import { step } from "../../../../src/host/supervisor/machine.ts";
import { initial, type State } from "../../../../src/host/supervisor/states.ts";
import { failure, limits, reactions, starting, words } from "../../../support/machine-words.ts";

const kill = "clear-deadline, kill-qemu";
const shutDown = {
  stop: "stopping, deadline 90000, press-power-button",
  "stop --force": `stopping forced, ${kill}`,
  "call off": `stopping forced, ${kill}`,
};
/** A QEMU that ends, whatever ended it. */
const ends = (how: string) =>
  Object.fromEntries(["qemu-exited", "qemu-crashed"].map((name) => [name, `${how}, clear-deadline, finish`]));
const gone = ends("failed QEMU_EXITED");
const whenSaved = { suspended: "stopped suspended, clear-deadline, finish" };
const wrong = { failure: `stopping forced DISK_FAILED, ${kill}` };
const late = { deadline: `stopping forced BOOT_TIMEOUT, ${kill}` };
const noBoot = {
  stop: "stopped, finish",
  "stop --force": "stopped forced, finish",
  "call off": "stopped forced, finish",
};
const inFirmware = {
  ...gone,
  "qemu-crashed": "starting boot again, deadline 120000, start-qemu-again",
  ...wrong,
  ...shutDown,
  stop: `stopping forced, ${kill}`,
};
const up = { ...gone, ...wrong, ...shutDown };
const linking = { doorbell: "starting agent, dial-gate", linked: "starting docker, ping-docker" };
const commands = (phase: string) => ({
  provisioning: `starting ${phase} provisioning, deadline 1800000`,
  provisioned: `starting ${phase}, deadline 120000`,
});
const whole = { waits: "degraded waiting", panic: "degraded panicked", reboot: "degraded rebooted" };
const answers = { "docker-answers": "running, clear-deadline" };

describe("each event has its consequence", () => {
  const table: readonly (readonly [State, Record<string, string>])[] = [
    [
      initial,
      {
        adopted: "starting agent adopted, deadline 120000",
        prepared: "starting disks",
        suspended: "asleep, keep-watch",
        wake: "starting image wanted",
        ...noBoot,
        ...wrong,
        ...gone,
      },
    ],
    [
      { name: "starting", phase: "image", resets: 0, isWanted: true },
      {
        adopted: "starting agent adopted wanted, deadline 120000",
        prepared: "starting disks wanted",
        suspended: "starting image, wake",
        ...noBoot,
        ...wrong,
        ...gone,
      },
    ],
    [starting("disks"), { "disks-ready": "starting boot, deadline 120000", ...noBoot, ...wrong, ...gone }],
    [
      starting("boot"),
      {
        stalled: "starting boot after 1, reset-guest",
        doorbell: "starting agent, dial-gate",
        waits: "starting boot waiting",
        ...late,
        ...inFirmware,
      },
    ],
    [
      { name: "starting", phase: "boot", resets: 0, isWaiting: true },
      {
        doorbell: "starting agent waiting, dial-gate",
        resumed: "starting boot, deadline 120000",
        deadline: `stopping forced DISK_FAILED, ${kill}`,
        ...inFirmware,
      },
    ],
    [
      { name: "starting", phase: "docker", resets: 0, isWaiting: true, isProvisioning: true },
      {
        doorbell: "starting agent provisioning waiting, dial-gate",
        linked: "starting docker provisioning waiting, ping-docker",
        "link-lost": "starting agent provisioning waiting",
        provisioning: "starting docker provisioning waiting, deadline 1800000",
        provisioned: "starting docker waiting, deadline 120000",
        resumed: "starting docker provisioning, deadline 1800000",
        ...answers,
        deadline: `stopping forced DISK_FAILED, ${kill}`,
        ...up,
      },
    ],
    [
      starting("boot", 1),
      {
        stalled: "starting boot after 2, reset-guest",
        doorbell: "starting agent after 1, dial-gate",
        waits: "starting boot after 1 waiting",
        ...late,
        ...inFirmware,
      },
    ],
    [
      starting("boot", 2),
      {
        stalled: `stopping forced BOOT_TIMEOUT, ${kill}`,
        doorbell: "starting agent after 2, dial-gate",
        waits: "starting boot after 2 waiting",
        ...late,
        ...inFirmware,
      },
    ],
    [
      { name: "starting", phase: "boot", resets: 0, isSecondTry: true },
      {
        stalled: "starting boot after 1 again, reset-guest",
        doorbell: "starting agent again, dial-gate",
        waits: "starting boot again waiting",
        ...late,
        ...inFirmware,
        ...gone,
      },
    ],
    [starting("agent"), { ...linking, ...commands("agent"), waits: "starting agent waiting", ...late, ...up }],
    [
      { name: "starting", phase: "docker", resets: 0, isAdopted: true },
      {
        doorbell: "starting agent adopted, dial-gate",
        linked: "starting docker adopted, ping-docker",
        "link-lost": "starting agent adopted",
        provisioning: "starting docker provisioning adopted, deadline 1800000",
        provisioned: "starting docker adopted, deadline 120000",
        waits: "starting docker waiting adopted",
        "docker-answers": "running adopted, clear-deadline",
        deadline: `stopping forced DOCKER_UNREACHABLE, ${kill}`,
        ...up,
        // What ran before runs on.
        "call off": "stopped, clear-deadline, finish",
      },
    ],
    [
      starting("docker"),
      {
        doorbell: "starting agent, dial-gate",
        linked: "starting docker, ping-docker",
        "link-lost": "starting agent",
        waits: "starting docker waiting",
        ...commands("docker"),
        ...answers,
        deadline: `stopping forced DOCKER_UNREACHABLE, ${kill}`,
        ...up,
      },
    ],
    [
      { name: "running" },
      {
        pause: "paused, pause",
        suspend: "suspending, suspend",
        "suspend by itself": "suspending asleep, suspend by itself",
        doorbell: "running, dial-gate",
        linked: "running, ping-docker",
        "link-lost": "degraded agent",
        "docker-down": "degraded docker",
        ...whole,
        ...up,
      },
    ],
    [
      { name: "running", isAdopted: true },
      {
        pause: "paused adopted, pause",
        suspend: "suspending, suspend",
        "suspend by itself": "suspending asleep, suspend by itself",
        doorbell: "running adopted, dial-gate",
        linked: "running adopted, ping-docker",
        "link-lost": "degraded agent adopted",
        "docker-down": "degraded docker adopted",
        waits: "degraded waiting adopted",
        panic: "degraded panicked adopted",
        reboot: "degraded rebooted adopted",
        // A start that is called off now has happened.
        ...gone,
        ...wrong,
        stop: shutDown.stop,
        "stop --force": shutDown["stop --force"],
      },
    ],
    [
      { name: "degraded", silent: "agent", isAdopted: true },
      {
        doorbell: "degraded agent adopted, dial-gate",
        linked: "degraded agent adopted, ping-docker",
        "docker-answers": "running adopted",
        "docker-down": "degraded docker adopted",
        waits: "degraded waiting adopted",
        panic: "degraded panicked adopted",
        reboot: "degraded rebooted adopted",
        ...up,
        "call off": "stopped, clear-deadline, finish",
      },
    ],
    [
      { name: "degraded", silent: "agent" },
      {
        doorbell: "degraded agent, dial-gate",
        linked: "degraded agent, ping-docker",
        "docker-answers": "running",
        "docker-down": "degraded docker",
        ...whole,
        ...up,
      },
    ],
    [
      { name: "degraded", silent: "docker" },
      {
        doorbell: "degraded docker, dial-gate",
        linked: "degraded docker, ping-docker",
        "link-lost": "degraded agent",
        "docker-answers": "running",
        ...whole,
        ...up,
      },
    ],
    [
      { name: "degraded", silent: "waiting" },
      {
        doorbell: "degraded waiting, dial-gate",
        linked: "degraded waiting, ping-docker",
        resumed: "degraded docker, ping-docker",
        panic: "degraded panicked",
        reboot: "degraded rebooted",
        ...up,
      },
    ],
    [
      { name: "degraded", silent: "rebooted" },
      {
        doorbell: "degraded rebooted, dial-gate",
        linked: "degraded rebooted, ping-docker",
        "docker-answers": "running",
        waits: "degraded waiting",
        panic: "degraded panicked",
        ...up,
      },
    ],
    [
      { name: "stopping", forced: false, failure: undefined },
      {
        ...whenSaved,
        "stop --force": `stopping forced, ${kill}`,
        "call off": `stopping forced, ${kill}`,
        deadline: "stopping forced, kill-qemu",
        ...ends("stopped"),
      },
    ],
    [
      { name: "stopping", forced: true, failure: undefined },
      { ...whenSaved, ...ends("stopped forced") },
    ],
    [
      { name: "stopping", forced: true, failure },
      { ...whenSaved, ...ends("failed DISK_FAILED") },
    ],
    [{ name: "stopped", forced: false }, {}],
    [{ name: "failed", error: failure }, {}],
  ];
  for (const [state, expected] of table) {
    test(`in a VM that is ${words(state)}`, () => expect(reactions(state)).toEqual(expected));
  }
});

test("a guest that has died when it was to go on is none that was taken over", () => {
  const [goesOn] = step(initial, { type: "adopted" }, limits);
  expect(step(goesOn, { type: "prepared" }, limits)).toEqual([starting("disks")]);
});
