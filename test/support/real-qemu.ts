/** Everything that a planned command line needs to be started for real: disks, variables, credentials, free ports. */
import { copyFile, mkdir, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VmConfig } from "../../src/host/config/schema.ts";
import { makeSystemDisk } from "../../src/host/image/disk.ts";
import { layoutOf, type VmPaths } from "../../src/host/layout.ts";
import type { BootPorts, VmSpec } from "../../src/host/qemu/args.ts";
import type { HostFacts } from "../../src/host/qemu/facts.ts";
import { planVm } from "../../src/host/qemu/vm-plan.ts";
import { listen } from "../../src/system/net/connection.ts";
import { run } from "../../src/system/process.ts";
import { configOf } from "./host-facts.ts";

/** A planned VM, and free ports for one boot of it. */
export type FurnishedVm = { readonly spec: VmSpec; readonly ports: BootPorts };

/**
 * Plans a VM below `home` and makes its files: a system disk on an empty image, a blank data disk, two credentials. It
 * is the template of throw-away VMs, or a copy of one, where `template` is given.
 */
export async function furnishedVm(
  home: string,
  facts: HostFacts,
  changes: Partial<VmConfig>,
  { name = "default", template }: { readonly name?: string; readonly template?: VmPaths } = {},
): Promise<FurnishedVm> {
  const paths = layoutOf(home).vm(name);
  const plan = planVm({
    config: configOf(facts, { accel: "tcg", memoryMiB: 512, mounts: [], ...changes }),
    facts,
    paths,
    template,
  });
  const spec = { ...plan, imageDisk: join(home, "image, 1.qcow2"), kernel: undefined };
  await mkdir(paths.folder, { recursive: true });
  await mkdir(dirname(paths.dataDisk), { recursive: true });
  await run(["qemu-img", "create", "-q", "-f", "qcow2", spec.imageDisk, "1G"]);
  await makeSystemDisk(paths.systemDisk, spec.throwaway?.layer ?? spec.imageDisk);
  await writeFile(paths.dataDisk, "");
  await truncate(paths.dataDisk, 2 ** 30);
  if (facts.firmware.vars !== undefined) await copyFile(facts.firmware.vars.template, paths.firmwareVars);
  await writeFile(paths.credentialFile, "io.systemd.credential:qn.boot=a,b");
  await writeFile(paths.sshKeyCredentialFile, "io.systemd.credential:ssh.authorized_keys.root=c");
  await Promise.all(spec.shares.map(({ path }) => mkdir(path, { recursive: true })));
  return { spec, ports: { gate: freePort(), ssh: freePort() } };
}

/** Where shares that a test names are: below its own home. */
export function folderIn(home: string, name: string): string {
  return join(home, "folders", name);
}

// --- internal ---

function freePort(): number {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, () => {});
  const { port } = listener;
  listener.close();
  return port;
}
