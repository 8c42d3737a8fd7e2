/**
 * A guest that is up within seconds under emulation: the Debian image's own firmware path, kernel and agent, but a
 * script of some lines in systemd's place, and a stand-in for Docker. For tests that start it a hundred times.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { esp, root } from "../../src/host/image/build/partitions.ts";
import { kernelCommandLine } from "../../src/host/image/build/recipe.ts";
import { formatManifest, parseManifest } from "../../src/host/image/manifest.ts";
import { hashOf } from "../../src/host/image/store.ts";
import { ownArch } from "../../src/system/platform.ts";
import { repository, runProgram } from "./program.ts";

/** What the agent asks of Docker, answered with nothing. */
const standInDocker = `Bun.serve({
  unix: "/run/docker.sock",
  idleTimeout: 0,
  fetch(request) {
    const path = new URL(request.url).pathname.replace(/^\\/v[0-9.]+/, "");
    if (path === "/events") return new Response(new ReadableStream({ start: () => {} }));
    if (path === "/containers/json") return Response.json([]);
    if (path === "/version") return Response.json({ Version: "stand-in", ApiVersion: "1.45", Os: "linux", Arch: "amd64" });
    return new Response("OK");
  },
});
`;

/** Makes the image in `folder`, from the Debian image in another folder, and gives its path for the setting `image`. */
export async function fastGuest(debian: string, folder: string): Promise<string> {
  const image = join(folder, "fast");
  await mkdir(image, { recursive: true });
  const raw = join(folder, "fast.raw");
  await succeed(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", join(debian, "disk.qcow2"), raw]);
  await startWith(raw, folder);
  await addFile(raw, folder, "/usr/local/lib/stand-in-docker.js", standInDocker);
  const script = await Bun.file(join(repository, "test/support/inside/fast-init.sh")).text();
  await addFile(raw, folder, "/usr/local/lib/fast-init", script);
  const disk = join(image, "disk.qcow2");
  await succeed(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk]);
  await Bun.file(raw).delete();
  const manifestPath = join(debian, "image.json");
  const manifest = parseManifest(await Bun.file(manifestPath).text(), manifestPath);
  const { virtualSizeBytes } = manifest.disk;
  const now = { sha256: await hashOf(disk), sizeBytes: Bun.file(disk).size, virtualSizeBytes };
  // Its first process is named on the disk: it starts by way of the firmware.
  const named = { ...manifest, name: "fast", recipe: "fast", disk: now, kernel: undefined };
  await writeFile(join(image, "image.json"), formatManifest(named));
  return image;
}

// --- internal ---

/** Names the script as the first process on the kernel's command line. */
async function startWith(raw: string, folder: string): Promise<void> {
  const entry = join(folder, "qn.conf");
  const options = `options ${kernelCommandLine(ownArch())} init=/usr/local/lib/fast-init`;
  await writeFile(entry, ["title qn", "linux /linux", "initrd /initrd", options, ""].join("\n"));
  await succeed(["mcopy", "-o", "-i", `${raw}@@${esp.offsetBytes}`, entry, "::/loader/entries/qn.conf"]);
}

/** Writes a program into the root file system, which is not mounted for that. */
async function addFile(raw: string, folder: string, path: string, text: string): Promise<void> {
  const source = join(folder, "added");
  await writeFile(source, text);
  const commands = join(folder, "commands");
  await writeFile(commands, `write ${source} ${path}\nsif ${path} mode 0100755\n`);
  await succeed(["debugfs", "-w", "-f", commands, `${raw}?offset=${root.offsetBytes}`]);
}

async function succeed(command: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await runProgram(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}: ${stdout}${stderr}`);
}
