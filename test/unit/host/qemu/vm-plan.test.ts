/** Plans of VMs, and every reason why there cannot be one. */
import { expect, test } from "bun:test";
import { QnError } from "../../../../src/base/errors.ts";
import type { VmConfig } from "../../../../src/host/config/schema.ts";
import type { HostFacts } from "../../../../src/host/qemu/facts.ts";
import { qemuArgs } from "../../../../src/host/qemu/args.ts";
import { macOf } from "../../../../src/host/qemu/mac.ts";
import { planVm, type VmPlan } from "../../../../src/host/qemu/vm-plan.ts";
import { configOf, emulating, factsOf, pathsOf } from "../../../support/host-facts.ts";

function plan(facts: HostFacts, changes: Partial<VmConfig> = {}): VmPlan {
  return planVm({ config: configOf(facts, changes), facts, paths: pathsOf(facts) });
}

/** The plan of a template, or of what is copied from the template in that folder. */
function throwaway(mounts: VmConfig["mounts"], template = pathsOf(linux)): VmPlan {
  return planVm({ config: configOf(linux, { mounts }), facts: linux, paths: pathsOf(linux), template });
}

function refusal(facts: HostFacts, changes: Partial<VmConfig>): { code: string; message: string } {
  try {
    plan(facts, changes);
  } catch (error) {
    if (error instanceof QnError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was refused");
}

const linux = factsOf("linux/x86_64");

test("auto takes the host's own accelerator, without a word", () => {
  const taken = [linux, factsOf("darwin/aarch64")].map((facts) => {
    const { accel, cpu, warnings } = plan(facts);
    return [accel.name, cpu, warnings];
  });
  expect(taken).toEqual([
    ["kvm", "host", []],
    ["hvf", "host", []],
  ]);
});

test("auto emulates when the host's own accelerator cannot run the guest, and says why and what it costs", () => {
  const { accel, cpu, warnings } = plan(emulating("linux/x86_64"));
  expect([accel.name, cpu, warnings]).toEqual([
    "tcg",
    "max,-erms,-fsrm",
    ["The guest is emulated (tcg), many times slower than with kvm. The processor shows neither vmx nor svm."],
  ]);
});

test("an accelerator that was asked for and cannot run the guest is refused with the reason", () => {
  expect(refusal(emulating("linux/x86_64"), { accel: "kvm" })).toEqual({
    code: "ACCEL_UNAVAILABLE",
    message: 'accel is "kvm", which cannot run x86_64 guests here. The processor shows neither vmx nor svm.',
  });
  expect(refusal(linux, { accel: "hvf" })).toEqual({
    code: "ACCEL_UNAVAILABLE",
    message: 'accel is "hvf", which cannot run x86_64 guests here. It exists on another system only.',
  });
});

test("emulation that was asked for is no reason for a warning", () => {
  const { accel, warnings } = plan(linux, { accel: "tcg" });
  expect([accel.name, warnings]).toEqual(["tcg", []]);
});

test("all that the host has is not too much memory, one MiB more is", () => {
  expect(plan(linux, { memoryMiB: 16_384 }).memoryMiB).toBe(16_384);
  expect(refusal(linux, { memoryMiB: 16_385 })).toEqual({
    code: "CONFIG_INVALID",
    message: "memoryMiB is 16385, but the host has only 16384.",
  });
});

test("of several mistakes all are reported, one a line", () => {
  const mounts = Array.from({ length: 17 }, (_, index) => ({ path: `/m${index}`, readOnly: false }));
  const wrong = { memoryMiB: 99_999, accel: "hvf", sound: true, window: true, mounts } as const;
  expect(refusal(linux, wrong)).toEqual({
    code: "CONFIG_INVALID",
    message: [
      "memoryMiB is 99999, but the host has only 16384.",
      "The VM has 17 mounts, /tmp included; at most 16 fit.",
      'accel is "hvf", which cannot run x86_64 guests here. It exists on another system only.',
      "sound is true, but /usr/bin/qemu-system-x86_64 can use none of pipewire, pa, alsa here.",
      "window is true, but /usr/bin/qemu-system-x86_64 can use none of gtk, sdl here.",
    ].join("\n"),
  });
});

test("further disks and mounts share the places on the bus", () => {
  const mounts = Array.from({ length: 15 }, (_, index) => ({ path: `/m${index}`, readOnly: false }));
  const volumes = [{ name: "db", sizeGiB: 5 }];
  expect(plan(linux, { mounts, volumes }).volumes).toEqual([
    { name: "db", path: "/home/ann/.qn/_data/default.disks/db.raw" },
  ]);
  expect(refusal(linux, { mounts, volumes: [...volumes, { name: "web", sizeGiB: 5 }] })).toEqual({
    code: "CONFIG_INVALID",
    message: "The VM has 15 mounts, /tmp included; at most 14 fit beside 2 further disks.",
  });
});

test("more processors than the host has are a warning", () => {
  expect(plan(linux, { cpus: 9 }).warnings).toEqual([
    "cpus is 9, but the host has only 8; the guest then runs slower, not faster.",
  ]);
  expect(plan(linux, { cpus: 9, accel: "tcg" }).warnings).toEqual([
    "cpus is 9, but the host has only 8; emulated processors then wait for each other.",
  ]);
});

test("a VM that goes on by itself and is never paused, or for less than two minutes, is a warning", () => {
  const warnings = (pause: string, wake: string) => plan(linux, { idle: { after: "never", pause, wake } }).warnings;
  expect([warnings("2m", "30m"), warnings("never", "never"), warnings("5s", "never")]).toEqual([[], [], []]);
  expect(warnings("never", "30m")).toEqual(['idle.wake is "30m", but idle.pause is "never": the VM is never paused.']);
  expect(warnings("119s", "1h")).toEqual([
    'idle.wake is "1h", but idle.pause is "119s": it goes on for no longer than that; what looks at the clock once a minute needs 2m.',
  ]);
});

test("nine processors on virt need the newer interrupt controller, and kvm takes the host's", () => {
  const mac = factsOf("darwin/aarch64", { cpus: 12 });
  const arm = factsOf("linux/aarch64", { cpus: 12 });
  const specs = [
    plan(mac, { cpus: 8 }),
    plan(mac, { cpus: 9 }),
    plan(arm, { cpus: 8, accel: "tcg" }),
    plan(arm, { cpus: 9, accel: "tcg" }),
    plan(arm, { cpus: 8 }),
    plan(linux, { cpus: 9 }),
  ];
  expect(specs.map(({ machine }) => machine.properties["gic-version"])).toEqual([
    undefined,
    "3",
    undefined,
    "3",
    "max",
    undefined,
  ]);
});

test("a Mac with FEAT_SME gets the processor that QEMU can make there", () => {
  const facts = factsOf("darwin/aarch64", { sme: true });
  expect([plan(facts).cpu, plan(facts, { accel: "tcg" }).cpu]).toEqual(["max", "max,pauth-impdef=on"]);
});

test("a guest gives memory back where this system takes it, however the guest runs", () => {
  const taken = [linux, emulating("linux/x86_64"), factsOf("darwin/aarch64"), emulating("darwin/x86_64")].map(
    (facts) => plan(facts).takesMemoryBack,
  );
  expect(taken).toEqual([true, true, false, false]);
});

test("sound and a window come in the best way there is, and outside the sandbox", () => {
  const facts = factsOf("linux/x86_64", { audio: ["pa", "alsa"], display: ["sdl"] });
  const both = plan(facts, { sound: true, window: true });
  const neither = plan(facts);
  expect([both.sound, both.window, both.sandbox]).toEqual(["pa", { backend: "sdl", gpu: "virtio-vga" }, false]);
  expect([neither.sound, neither.window, neither.sandbox]).toEqual([undefined, undefined, true]);
});

test("shares are tagged in the order of the settings", () => {
  const mounts = [
    { path: "/b", readOnly: true },
    { path: "/a", readOnly: false },
  ];
  expect(plan(linux, { mounts }).shares).toEqual([
    { tag: "qn0", path: "/b", readOnly: true },
    { tag: "qn1", path: "/a", readOnly: false },
  ]);
});

test("a second network card takes the place of a share, and needs Linux", () => {
  const card = { tap: "vm0", mac: "02:00:00:00:00:01" };
  const network = { reach: "all", ...card } as const;
  const mounts = Array.from({ length: 16 }, (_, index) => ({ path: `/m${index}`, readOnly: false }));
  expect(plan(linux, { network }).lan).toEqual(card);
  expect(plan(linux, { mounts }).lan).toBeUndefined();
  expect(refusal(linux, { network, mounts }).message).toBe("The VM has 16 mounts, /tmp included; at most 15 fit.");
  expect(refusal(factsOf("darwin/aarch64"), { network })).toEqual({
    code: "CONFIG_INVALID",
    message: 'network.tap is "vm0", but macOS has no TAP devices.',
  });
  expect(refusal(linux, { network: { ...network, reach: "none" } })).toEqual({
    code: "CONFIG_INVALID",
    message: 'network.tap is "vm0", but network.reach is "none", and a second card reaches a network.',
  });
});

test("a card's address is the same at each start, another one for each VM and machine, and nobody's factory's", () => {
  const [own, ...others] = [macOf("a", "/h/x"), macOf("a", "/h/y"), macOf("b", "/h/x")];
  expect(own).toBe(macOf("a", "/h/x"));
  expect(new Set([own, ...others]).size).toBe(3);
  expect(own).toMatch(/^02(:[0-9a-f]{2}){5}$/);
});

test("a template and its copies have the same devices, whatever they mount, and no balloon", () => {
  const other = { ...pathsOf(linux), folder: "/qn/_run/t-1/run", memory: "/qn/_run/t-1/run/memory" };
  const mount = { path: "/srv/data", readOnly: true };
  const [template, copy] = [throwaway([]), throwaway([mount], other)];
  const args = [template, copy].map((plan) =>
    qemuArgs({ ...plan, imageDisk: "/images/disk.qcow2", kernel: undefined }, { gate: 40_001, ssh: 40_002 }),
  );
  const devices = args.map((words) => words.filter((_, index) => words[index - 1] === "-device"));
  expect(devices[0]).toEqual(devices[1] ?? []);
  expect(devices[0]?.filter((device) => /9p|balloon|vmgenid/.test(device))).toEqual([
    "vmgenid,guid=auto",
    ...Array.from({ length: 8 }, (_, index) => `virtio-9p-pci,fsdev=qn${index},mount_tag=qn${index}`),
  ]);
  const memory = args.map((words) => words.find((word) => word.startsWith("memory-backend-file")));
  expect(memory).toEqual([
    expect.stringMatching(/mem-path=.*memory,share=on$/),
    expect.stringMatching(/mem-path=\/qn\/_run\/t-1\/run\/memory,share=off$/),
  ]);
  expect([template.takesMemoryBack, copy.takesMemoryBack, copy.shares[0]?.path]).toEqual([false, false, "/srv/data"]);
});

test("a throw-away VM has at most eight mounts", () => {
  const mounts = Array.from({ length: 9 }, (_, index) => ({ path: `/srv/${index}`, readOnly: false }));
  expect(() => throwaway(mounts)).toThrow("The VM has 9 mounts, /tmp included; at most 8 fit.");
});
