/** What the `qn nix-builder` commands do. */
import { changeFile } from "../../host/config/change.ts";
import { builderHost, changeEtc } from "../../host/integrate/nix-builder.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { requireVm } from "../../host/vm/known.ts";
import { effectiveConfig } from "../../host/vm/prepare.ts";
import { isThere } from "../../system/files.ts";
import { vmHere } from "../vm-here.ts";
import { say, succeed } from "../terminal/show.ts";

/** Makes a VM a builder: its setting, and Nix' and ssh's entries. Throws NO_SUCH_VM and NOT_PERMITTED. */
export async function enableBuilder(vm: string, mayUseSudo: boolean): Promise<void> {
  const { paths } = vmHere(vm);
  await requireVm(paths);
  const { config } = await effectiveConfig(paths, process.env);
  // First what may be refused because the VM is declared elsewhere.
  if (!config.nixBuilder) await changeFile(paths.config, new Map([["nixBuilder", true]]));
  await changeEtc({ paths, config, mayUseSudo });
  succeed(`Nix of this machine builds ${config.arch}-linux in the VM "${paths.name}", as ${builderHost(paths.name)}.`);
  const { state } = await statusOfVm(paths, process.env);
  const knows = await isThere(paths.builderSshConfig);
  if (state === "running" && !knows) say(`  It does from its next start on: qn restart ${paths.name}`);
}

/** Takes it back; the guest lets the key in until its next start. */
export async function disableBuilder(vm: string, mayUseSudo: boolean): Promise<void> {
  const { paths } = vmHere(vm);
  await changeEtc({ paths, mayUseSudo });
  if (await isThere(paths.config)) {
    const { config } = await effectiveConfig(paths, process.env);
    if (config.nixBuilder) await changeFile(paths.config, new Map([["nixBuilder", undefined]]));
  }
  succeed(`Nix of this machine does not build in the VM "${paths.name}" any more.`);
}
