/**
 * What can happen to images and to the VMs on them, as a program of its own: it can be killed in the middle. Its disks
 * are tiny and qemu-img's own; only QEMU is left out.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { QnError } from "../../src/base/errors.ts";
import { refuseOlderData } from "../../src/host/image/data-version.ts";
import { importImage } from "../../src/host/image/import.ts";
import { formatManifest, type ImageManifest } from "../../src/host/image/manifest.ts";
import { newStage } from "../../src/host/image/pointers.ts";
import { activateImage, hashOf } from "../../src/host/image/store.ts";
import { removeImage, sweep } from "../../src/host/image/sweep.ts";
import { layoutOf } from "../../src/host/layout.ts";
import { deleteVmFiles } from "../../src/host/lifecycle/delete.ts";
import { rollBackVm } from "../../src/host/lifecycle/roll-back.ts";
import { makeDisks } from "../../src/host/supervisor/boot/disks.ts";
import { imageForVm } from "../../src/host/vm/image-choice.ts";
import { effectiveConfig } from "../../src/host/vm/settings.ts";
import { protocolVersion } from "../../src/protocol/messages.ts";
import { ownArch } from "../../src/system/platform.ts";
import { run } from "../../src/system/process.ts";

/** A disk of 1 MiB that begins with a byte of the image's own; `data` is the format that its guests leave. */
export type TinyImage = { readonly name: string; readonly mark: number; readonly data?: number };

/** A step, and the QN_HOME in which it is done. */
export type Step =
  | ({ readonly do: "build" } & TinyImage)
  | ({ readonly do: "import"; readonly file: string } & TinyImage)
  | { readonly do: "up"; readonly vm: string; readonly name: string }
  | { readonly do: "rollback" | "delete"; readonly vm: string }
  | { readonly do: "rm"; readonly name: string }
  | { readonly do: "prune"; readonly isAll: boolean };

/** Where a VM writes into its own system disk, and where an image has its mark. */
export const offsets = { image: 0, vm: 512 * 1024 } as const;

/** Does one step as the commands do it. Throws what they throw. */
export async function doStep(home: string, step: Step): Promise<void> {
  const layout = layoutOf(home);
  const arch = ownArch();
  const env = { PATH: process.env["PATH"], HOME: home };
  switch (step.do) {
    case "build": {
      await using stage = await newStage(layout.images);
      const folder = join(stage.folder, "image");
      await mkdir(folder);
      const disk = join(folder, "disk.qcow2");
      await makeTinyDisk(disk, step.mark);
      const manifest: ImageManifest = {
        name: step.name,
        version: `${step.mark}`,
        arch,
        protocol: protocolVersion,
        recipe: "tiny",
        inputs: "00".repeat(32),
        ...(step.data === undefined ? {} : { dataVersion: step.data }),
        disk: { sha256: await hashOf(disk), sizeBytes: Bun.file(disk).size, virtualSizeBytes: 2 ** 20 },
      };
      await Bun.write(join(folder, "image.json"), formatManifest(manifest));
      await activateImage(layout.images, folder, manifest);
      return;
    }
    case "import": {
      const { signal } = new AbortController();
      const { file, name } = step;
      await importImage({ imagesFolder: layout.images, file, name, arch, version: undefined, signal, onBytes() {} });
      return;
    }
    case "up": {
      const paths = layout.vm(step.vm);
      const { config } = await effectiveConfig(paths, env, { image: step.name, diskGiB: 2 });
      const image = await imageForVm(layout, paths, config);
      await refuseOlderData(paths, image);
      await mkdir(paths.folder, { recursive: true });
      await Bun.write(paths.config, `image: ${step.name}\n`);
      const spec = { kernel: undefined };
      const firmware = { code: "", vars: undefined, codeFormat: "raw" };
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that disks are made from
      await makeDisks(paths, { config, image, spec, facts: { firmware } } as unknown as Parameters<
        typeof makeDisks
      >[1]);
      return;
    }
    case "rollback":
      await rollBackVm(layout, layout.vm(step.vm), env);
      return;
    case "delete":
      await deleteVmFiles(layout.vm(step.vm), env, { data: false, force: false });
      return;
    case "rm":
      await removeImage(layout.images, `${step.name}-${arch}`);
      return;
    case "prune":
      await sweep(layout.images, { isAll: step.isAll });
  }
}

/** Does a step in a process of its own, and kills that after so many milliseconds: "killed", "done", or the code of what it throws. */
export async function doStepAndKill(home: string, step: Step, afterMs: number): Promise<string> {
  await using child = startStep(home, step, process.env["PATH"]);
  const reader = child.stdout.getReader();
  await reader.read();
  await Bun.sleep(afterMs);
  child.kill("SIGKILL");
  await child.exited;
  if (child.signalCode !== null) return "killed";
  const said = await new Response(child.stderr).text();
  return said === "" ? "done" : said;
}

/** Does a step in a process of its own that finds its programs in `path`; true when it was killed on the way. */
export async function killedDuring(home: string, step: Step, path: string): Promise<boolean> {
  await using child = startStep(home, step, path);
  await child.exited;
  return child.signalCode === "SIGKILL";
}

/** Makes a qcow2 disk that begins with bytes of its own. */
export async function makeTinyDisk(path: string, mark: number): Promise<void> {
  await succeed(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"]);
  await succeed(["qemu-io", "-f", "qcow2", "-c", `write -q -P ${mark} ${offsets.image} 4k`, path]);
}

/** Runs a program. Throws with what it said when it fails. */
export async function succeed(command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

function startStep(home: string, step: Step, path: string | undefined) {
  return Bun.spawn([process.execPath, import.meta.path, home, JSON.stringify(step)], {
    env: { ...process.env, PATH: path },
    stdout: "pipe",
    stderr: "pipe",
  });
}

if (import.meta.main) {
  const [home = "", step = ""] = process.argv.slice(2);
  process.stdout.write("begins\n");
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by the tests
    await doStep(home, JSON.parse(step) as Step);
  } catch (error) {
    process.stderr.write(error instanceof QnError ? error.code : String(error));
    process.exitCode = 1;
  }
}
