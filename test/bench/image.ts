/** What is in a Debian image and what it weighs, as tables for docs/benchmarks.md: `bun test/bench/image.ts FOLDER`. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../src/host/image/build/partitions.ts";
import { imageFiles, parseManifest } from "../../src/host/image/manifest.ts";
import { runProgram } from "../support/program.ts";

/** Why something is there, and the paths that it has; the first row that matches counts. */
const groups: readonly (readonly [what: string, why: string, paths: RegExp])[] = [
  ["qn", "the agent; nine tenths are Bun", /^usr\/local\/bin\/qn$/],
  ["Docker", "dockerd, containerd, runc, shim, init", /^usr\/s?bin\/(dockerd|docker|containerd|runc|tini)/],
  ["emulators", "images of other processors", /^usr\/bin\/qemu-/],
  ["kernel modules", "file systems, networks, virtio", /^usr\/lib\/modules\//],
  [
    "systemd and udev",
    "the guest's first process, networkd, nspawn",
    /^(usr\/lib\/(systemd|udev)\/|usr\/bin\/(systemd|udev|network|journal|machine|boot)|usr\/lib\/[^/]+\/(systemd\/|libsystemd|libudev|libnss_systemd))/,
  ],
  [
    "apt, dpkg and perl",
    "`apt install` in the guest, what packages' scripts need",
    /(apt|dpkg|perl|debconf|sqv|libdb-5|libstdc)/,
  ],
  ["ssh", "`qn ssh`, editors", /(ssh|moduli)/],
  ["other libraries", "", /^usr\/lib\//],
  ["the rest", "", /./],
];

const [folder = ""] = process.argv.slice(2);
const manifest = parseManifest(await Bun.file(join(folder, "image.json")).text(), folder);
const scratch = await mkdtemp("/tmp/qn-image-");
try {
  await printContents();
  await printSizes();
} finally {
  await rm(scratch, { recursive: true, force: true });
}

// --- internal ---

async function printContents(): Promise<void> {
  const [raw, tree] = [join(scratch, "disk.raw"), join(scratch, "tree")];
  await succeed(["qemu-img", "convert", "-O", "raw", join(folder, "disk.qcow2"), raw]);
  await succeed(["mkdir", tree]);
  await succeed(["debugfs", "-R", `rdump / ${tree}`, `${raw}?offset=${root.offsetBytes}`]);
  await rm(raw);
  const listed = await succeed(["find", tree, "-type", "f", "-printf", "%i %s %P\\n"]);
  const sizes = new Map<string, number>();
  const seen = new Set<string>();
  for (const line of listed.trimEnd().split("\n")) {
    const [inode = "", bytes = "", ...path] = line.split(" ");
    if (seen.has(inode)) continue;
    seen.add(inode);
    const [what = ""] = groups.find(([, , paths]) => paths.test(path.join(" "))) ?? [];
    sizes.set(what, (sizes.get(what) ?? 0) + Number(bytes));
  }
  console.log(
    `| in the root of "${manifest.name}" (${manifest.arch}, ${manifest.version}) | MB | why |\n|---|---|---|`,
  );
  for (const [what, why] of groups) console.log(`| ${what} | ${megabytes(sizes.get(what) ?? 0)} | ${why} |`);
}

async function printSizes(): Promise<void> {
  console.log("\n| file | MB | as a download (zstd 19, window of 128 MiB) |\n|---|---|---|");
  let [total, download] = [0, 0];
  for (const { file, bytes } of imageFiles(manifest)) {
    const packed = join(scratch, `${file}.zst`);
    await succeed(["zstd", "-q", "-19", "--long=27", "-T0", join(folder, file), "-o", packed]);
    const { size } = Bun.file(packed);
    console.log(`| ${file} | ${megabytes(bytes)} | ${megabytes(size)} |`);
    total += bytes;
    download += size;
  }
  console.log(`| together | ${megabytes(total)} | ${megabytes(download)} |`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

async function succeed(command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}: ${stderr}`);
  return stdout;
}
