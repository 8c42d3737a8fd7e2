/** A guest without an emulator: an image's programs on this machine's own kernel (native-guest.sh), for who measures them. */
import { mkdir, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { bootCredential, gateGuestPort, parseBoot, slirp } from "../../src/protocol/messages.ts";
import { viewsOf } from "../../src/agent/files/shares.ts";
import { ownArch } from "../../src/system/platform.ts";
import { runProgram } from "./program.ts";
import { sharedImages } from "./temp-home.ts";
import { knock, until } from "./until.ts";

/** A machine that has other things to do needs about two seconds. */
const bootMs = 60_000;

/**
 * Boots it in `folder`, with the boot credential's text, and lets its gate answer at `gatePort` of the loopback. It ends with this
 * process, whose network gets the guest's beside it and so has to be one that nobody else uses. Root on Linux alone may do this.
 */
export async function bootNativeGuest(folder: string, bootText: string, gatePort: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const disk = join(folder, "disk.raw");
  await output(["qemu-img", "convert", "-O", "raw", join(sharedImages, `debian-${ownArch()}`, "disk.qcow2"), disk]);
  await writeFile(join(folder, bootCredential), bootText);
  const shares = parseBoot(bootText).shares.flatMap((share) =>
    viewsOf(share).flatMap(({ tag, folder: at }) => [tag, share.path, at]),
  );
  const script = join(import.meta.dir, "native-guest.sh");
  const apart = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--propagation", "private"];
  Bun.spawn([...apart, script, folder, disk, `${process.pid}`, ...shares], { stdio: ["ignore", "inherit", "inherit"] });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const gate = connect({ host: slirp.guest, port: gateGuestPort, allowHalfOpen: true, noDelay: true });
    for (const [from, to] of [
      [client, gate],
      [gate, client],
    ] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy());
    }
  });
  server.listen(gatePort, "127.0.0.1");
  await until("the native guest's gate", bootMs, async () =>
    (await knock(slirp.guest, gateGuestPort)) === "open" ? true : undefined,
  );
}

/** Where the guest is that the program `qemu` boots. */
export function nativeFolder(qemu: string): string {
  return join(dirname(qemu), "native");
}

/** What a command prints that root runs in the guest of `folder`. Throws with its errors. */
export async function inNativeGuest(folder: string, command: readonly string[]): Promise<string> {
  const shell = (await Bun.file(join(folder, "pid")).text()).trim();
  const init = await output(["pgrep", "--parent", shell]);
  const path = "PATH=/usr/bin:/usr/sbin:/bin:/sbin";
  return await output(["nsenter", "--target", init, "--all", "--root", "--wd", "env", path, ...command]);
}

// --- internal ---

async function output(command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout.trim();
}
