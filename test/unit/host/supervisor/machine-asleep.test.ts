/** A VM that is suspended by a person, or falls asleep by itself and wakes up: every transition, in a table. */
import { describe, expect, test } from "bun:test";
import type { State } from "../../../../src/host/supervisor/states.ts";
import { reactions, words } from "../../../support/machine-words.ts";

const whenSaved = { suspended: "stopped suspended, clear-deadline, finish" };
const lost = "failed QEMU_EXITED, clear-deadline, finish";

/** What ends a guest, or lets it go on, while it is being saved. */
const unsaved = {
  "suspend-failed": "degraded agent, dial-gate",
  "stop --force": "stopping forced, kill-qemu",
  "call off": "stopping forced, kill-qemu",
  "qemu-exited": lost,
  "qemu-crashed": lost,
  failure: "stopping forced DISK_FAILED, clear-deadline, kill-qemu",
};

describe("each event has its consequence", () => {
  const table: readonly (readonly [State, Record<string, string>])[] = [
    [
      { name: "suspending" },
      {
        stop: "suspending stop, call-off-suspend",
        ...whenSaved,
        ...unsaved,
      },
    ],
    [
      { name: "suspending", next: "asleep" },
      {
        suspended: "asleep, keep-watch",
        wake: "suspending wake",
        suspend: "suspending, suspend",
        stop: "suspending stop, call-off-suspend",
        ...unsaved,
      },
    ],
    [
      { name: "suspending", next: "wake" },
      {
        suspended: "starting image, wake",
        suspend: "suspending, suspend",
        stop: "suspending stop, call-off-suspend",
        ...unsaved,
      },
    ],
    [
      { name: "suspending", next: "stop" },
      {
        ...whenSaved,
        stop: "suspending stop, call-off-suspend",
        ...unsaved,
        "suspend-failed": "stopping, deadline 90000, press-power-button",
      },
    ],
    [
      { name: "paused" },
      {
        wake: "running, go-on",
        waits: "degraded waiting, go-on",
        suspend: "suspending, go-on, suspend",
        "suspend by itself": "suspending asleep, go-on, suspend by itself",
        stop: "stopping, go-on, deadline 90000, press-power-button",
        "stop --force": "stopping forced, clear-deadline, kill-qemu",
        "call off": "stopping forced, clear-deadline, kill-qemu",
        "qemu-exited": lost,
        "qemu-crashed": lost,
        failure: unsaved.failure,
      },
    ],
    [
      { name: "paused", isAdopted: true },
      {
        wake: "running adopted, go-on",
        waits: "degraded waiting adopted, go-on",
        suspend: "suspending, go-on, suspend",
        "suspend by itself": "suspending asleep, go-on, suspend by itself",
        stop: "stopping, go-on, deadline 90000, press-power-button",
        "stop --force": "stopping forced, clear-deadline, kill-qemu",
        "qemu-exited": lost,
        "qemu-crashed": lost,
        failure: unsaved.failure,
      },
    ],
    [
      { name: "asleep" },
      {
        wake: "starting image, wake",
        suspend: whenSaved.suspended,
        stop: whenSaved.suspended,
        "stop --force": whenSaved.suspended,
        "call off": whenSaved.suspended,
      },
    ],
  ];
  for (const [state, expected] of table) {
    test(`in a VM that is ${words(state)}`, () => expect(reactions(state)).toEqual(expected));
  }
});
