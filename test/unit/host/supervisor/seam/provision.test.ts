/** What a person and the state machine hear of the commands that run in the guest. */
import { expect, test } from "bun:test";
import { Provisioning } from "../../../../../src/host/supervisor/seam/provision.ts";

function desk(wanted: number) {
  const told: string[] = [];
  const provisioning = new Provisioning(wanted, {
    dispatch: (event) => told.push(event.type === "provisioning" ? `busy ${event.isBusy}` : event.type),
    onProvision: (step, of) => told.push(`${step} of ${of}`),
    warn: (text) => told.push(text),
  });
  return { provisioning, told };
}

test("each failure is told once, with its status, its last line and where the rest is", () => {
  const { provisioning, told } = desk(2);
  provisioning.onSteps([{ state: "running" }, { state: "waiting" }]);
  provisioning.onSteps([
    { state: "failed", status: 100, last: "E: Unable to locate package hllo" },
    { state: "running" },
  ]);
  provisioning.onSteps([{ state: "failed", status: 100, last: "E: Unable to locate package hllo" }, { state: "done" }]);
  expect(told).toEqual([
    "1 of 2",
    "busy true",
    "Command 1 of 2 of the setting provision failed with status 100. It said last: E: Unable to locate package hllo `qn logs --source agent` has all that it said; Docker starts all the same.",
    "2 of 2",
    "busy true",
    "busy false",
  ]);
});

test("an agent that knows nothing of commands is told of when there are some", () => {
  const hello = { type: "hello", protocol: 2, version: "0.0.9" } as const;
  const [none, some] = [desk(0), desk(1)];
  none.provisioning.onHello(hello);
  some.provisioning.onHello(hello);
  some.provisioning.onHello({ ...hello, capabilities: ["provision"] });
  expect([none.told, some.told]).toEqual([
    [],
    [
      "The guest's agent is too old for the setting provision, which is not run. Build the image again with `qn image build`.",
    ],
  ]);
});
