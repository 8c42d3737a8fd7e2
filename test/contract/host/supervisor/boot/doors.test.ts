/** The ports that lead to a VM's gate and sshd: of those that no guest reaches, as long as there are any. */
import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { layoutOf } from "../../../../../src/host/layout.ts";
import { doors, doorsOf } from "../../../../../src/host/ports/range.ts";
import { bootPorts, newBoot, recordQemu } from "../../../../../src/host/supervisor/boot/boot.ts";
import { portRangeOf } from "../../../../../src/host/supervisor/boot/port-range.ts";
import { listen } from "../../../../../src/system/net/connection.ts";
import { tempHome } from "../../../../support/temp-home.ts";

test("a VM's ways in are of its own ports, and sshd's stays where it was", async () => {
  await using home = await tempHome({ images: false });
  const layout = layoutOf(home.path);
  const vm = layout.vm("a");
  await mkdir(vm.folder);
  const own = doorsOf(await portRangeOf(layout, vm));
  const first = await newBoot(layout, vm);
  await recordQemu(vm, { ...first, argv: [] }, undefined);
  expect(own).toContain(first.gatePort);
  expect(own).toContain(first.sshPort);
  expect(first.gatePort).not.toBe(first.sshPort);
  expect((await newBoot(layout, vm)).sshPort).toBe(first.sshPort);
  // Of an older qn, at a port that guests reach.
  await recordQemu(vm, { ...first, sshPort: 40_000, argv: [] }, undefined);
  expect(own).toContain((await newBoot(layout, vm)).sshPort);
});

test("a VM whose supervisor has sshd's port has one more for QEMU, and keeps the one that is listened at", async () => {
  await using home = await tempHome({ images: false });
  const layout = layoutOf(home.path);
  const vm = layout.vm("a");
  await mkdir(vm.folder);
  const first = await newBoot(layout, vm, { isDoor: true, port: undefined });
  const inside = bootPorts(first);
  expect(doorsOf(await portRangeOf(layout, vm))).toContain(inside.ssh);
  expect(new Set([first.sshPort, inside.ssh, inside.gate]).size).toBe(3);
  const door = listen({ hostname: "127.0.0.1", port: first.sshPort }, (connection) => connection.reset());
  const next = await newBoot(layout, vm, { isDoor: true, port: door.port });
  door.close();
  expect([next.sshPort, new Set([next.sshPort, ...Object.values(bootPorts(next))]).size]).toEqual([first.sshPort, 3]);
});

test("a VM whose own ports are all taken has ways in at others, which its own guest hides", async () => {
  await using home = await tempHome({ images: false });
  const layout = layoutOf(home.path);
  const vm = layout.vm("a");
  await mkdir(vm.folder);
  const own = doorsOf(await portRangeOf(layout, vm));
  // Those that this machine's own VMs have are taken, too.
  const holders = own.flatMap((port) => {
    try {
      return listen({ hostname: "127.0.0.1", port }, (connection) => connection.reset());
    } catch {
      return [];
    }
  });
  try {
    const { gatePort, sshPort } = await newBoot(layout, vm);
    for (const port of [gatePort, sshPort]) expect(port < doors.first || port > doors.last).toBe(true);
    expect(gatePort).not.toBe(sshPort);
  } finally {
    for (const holder of holders) holder.closeAll();
  }
});
