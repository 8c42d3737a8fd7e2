/** What `qn doctor` says of who serves mounts. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { examine } from "../../../../src/host/doctor/checks.ts";
import { fakeVm } from "../../../support/fake-vm.ts";
import { newFolder } from "../../../support/folder.ts";

/** A QEMU that has 9p, and the devices and objects of `others`. */
const qemuWith = (others: string): string => `#!/bin/sh
case "$*" in
  --version) echo QEMU emulator version 9.9.9;;
  "-device help") echo virtio-9p-pci;;
  ${others}) ;;
  *,help) exit 1;;
esac
`;

test.skipIf(process.platform !== "linux")(
  "a QEMU that cannot serve mounts by virtiofs is named as the reason for 9p alone",
  async () => {
    await using vm = await fakeVm("boots");
    await using system = await newFolder();
    const files = async (others: string): Promise<readonly string[]> => {
      const path = join(system.path, `qemu-${crypto.randomUUID()}`);
      await writeFile(path, qemuWith(others), { mode: 0o755 });
      const found = await examine({ layout: vm.layout, env: { ...vm.env, QN_QEMU: path }, nowMs: Date.now() });
      return found
        .filter(({ check }) => check === "files")
        .map(({ level, text }) => `${level}: ${text.replace(path, "QEMU")}`);
    };
    const by9p = "ok: The guest can have folders by 9p only.";
    expect([await files("none"), await files("*vhost-user-fs-pci,help"), await files("*,help")]).toEqual([
      [`${by9p} QEMU is built without vhost-user-fs-pci.`],
      [`${by9p} QEMU is built without memory-backend-file.`],
      ["ok: The guest can have folders by 9p, and by virtiofs."],
    ]);
  },
);
