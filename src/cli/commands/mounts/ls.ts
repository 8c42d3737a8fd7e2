/** `qn mounts ls`: which host folders a VM sees, and which containers use them. Docker is asked once for its mounts. */
import { messageOf } from "../../../base/errors.ts";
import { counted } from "../../../base/words.ts";
import type { VmPaths } from "../../../host/layout.ts";
import { type MountView, mountViews, type ShareView, shareViews } from "../../../host/lifecycle/mounts.ts";
import { statusOfVm } from "../../../host/lifecycle/status.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { printJson, printLines, printTable } from "../../terminal/print.ts";
import { warn } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    await showMounts(vmNamed(args.vm).paths, args.json === true);
  },
});

// --- internal ---

/**
 * Shows the shares and mounts of a VM. One that does not run has shares, and a Docker that does not answer is a
 * warning: the mounts are null then. Throws NO_SUCH_VM and what the settings of a VM at rest are refused for.
 */
async function showMounts(paths: VmPaths, asJson: boolean): Promise<void> {
  const status = await statusOfVm(paths, process.env);
  const shares = shareViews(status.mounts);
  const isUp = status.state === "running" || status.state === "degraded";
  const mounts = isUp ? await mountsOf(paths, shares) : undefined;
  if (!isUp) warn(`The VM "${paths.name}" is ${status.state}; what its containers mount shows only while it runs.`);
  if (asJson) return printJson("mounts ls", { mounts: shares, containerMounts: mounts?.map(forJson) ?? null });
  printTable(
    ["MOUNT", "ACCESS", "DRIVER", "SECURITY", "CACHE", "USED BY"],
    shares.map((share) => [
      share.path,
      access(share),
      share.driver,
      share.security,
      share.cache,
      mounts === undefined ? "" : usersOf(share, mounts),
    ]),
  );
  if (mounts === undefined || mounts.length === 0) return;
  printLines([""]);
  printTable(
    ["SOURCE", "ACCESS", "CONTAINER", "STATE", "INSIDE", "MOUNT"],
    mounts.map((mount) => [
      mount.source,
      access(mount),
      mount.container,
      mount.state,
      mount.destination,
      mount.share ?? "none: the guest's own",
    ]),
  );
}

async function mountsOf({ dockerSocket }: VmPaths, shares: readonly ShareView[]): Promise<MountView[] | undefined> {
  const { listContainers } = await import("../../../system/docker.ts");
  try {
    return mountViews(await listContainers(dockerSocket), shares);
  } catch (error) {
    warn(messageOf(error));
    return undefined;
  }
}

/** A program reads of mounts alone, and finds the VM's under that name. */
function forJson({ share, ...mount }: MountView) {
  return { ...mount, mount: share };
}

function usersOf({ path }: ShareView, mounts: readonly MountView[]): string {
  const users = new Set(mounts.filter(({ share }) => share === path).map(({ container }) => container));
  return users.size === 0 ? "nobody" : counted(users.size, "container");
}

function access({ readOnly }: { readonly readOnly: boolean }): string {
  return readOnly ? "read-only" : "read-write";
}
