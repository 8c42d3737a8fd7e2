/** The VM's own disks on a real guest: space comes back, disks grow while containers run, and further ones are kept. */
import { expect, test } from "bun:test";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { qnProgram, runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";
import { bootVm, type Vm } from "../support/vm.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const place = "/var/lib/qn-disks/db";

/** What a disk takes on this machine, in MiB. */
async function takenMiB(vm: Vm, name: string): Promise<number> {
  const disks = JSON.parse(await vm.qn("disk", "ls", "--json")) as { name: string; usedBytes: number }[];
  return (disks.find((disk) => disk.name === name)?.usedBytes ?? 0) / MiB;
}

async function inGuest(vm: Vm, command: string): Promise<string> {
  return await vm.succeed(["qn", "ssh", "--", "sh", "-c", command]);
}

/** All that a qn command says, which has to succeed. */
async function said(vm: Vm, ...words: readonly string[]): Promise<string> {
  return await vm.succeed(["sh", "-c", '"$@" 2>&1', "sh", qnProgram, ...words]);
}

/** Waits until a disk takes no more than that: the guest gives space back when its journal is next written. */
async function givenBack(vm: Vm, name: string, atMostMiB: number): Promise<number> {
  return await until(`a disk ${name} of ${atMostMiB} MiB`, 60_000, async () => {
    await inGuest(vm, "sync");
    const taken = await takenMiB(vm, name);
    return taken <= atMostMiB ? taken : undefined;
  });
}

test(
  "space comes back, disks grow in a guest that runs, and a further disk keeps what it holds",
  async () => {
    await using vm = await bootVm({
      flags: () => ["--disk", "3"],
      async before({ home }) {
        await Bun.write(join(home, "config.yaml"), "volumes: [{ name: db, sizeGiB: 1 }]\n");
      },
    });
    const file = join(vm.home, "_data/default.disks/db.raw");
    const start = { data: await takenMiB(vm, "data"), db: await takenMiB(vm, "db") };

    // Images: what Docker deletes is free on this machine, too.
    const random = new Blob([crypto.getRandomValues(new Uint8Array(65_536))]);
    const large = join(vm.inTmp, "large");
    await Bun.write(large, new Blob(Array.from({ length: 2_048 }, () => random)));
    const archive = join(vm.inTmp, "large.tar");
    await runProgram(["tar", "-C", vm.inTmp, "-cf", archive, "large"]);
    await vm.docker("import", archive, "large");
    await inGuest(vm, "sync");
    const full = await takenMiB(vm, "data");
    expect(full - start.data).toBeGreaterThan(120);
    await vm.docker("image", "rm", "large");
    const after = await givenBack(vm, "data", start.data + 16);

    // Growth: the same QEMU, the same container.
    await vm.docker(
      "run",
      "-d",
      "--name",
      "stays",
      "--network",
      "host",
      "-v",
      `${place}:/db`,
      "busybox",
      "sleep",
      "9999",
    );
    const before = await vm.docker("inspect", "-f", "{{.State.StartedAt}}", "stays");
    const { qemu } = await vm.status();
    const beganMs = Date.now();
    const grown = await said(vm, "config", "set", "diskGiB=12", "volumes=[{ name: db, sizeGiB: 2 }]");
    const tookMs = Date.now() - beganMs;
    expect(grown).toContain("the data disk has 12 GiB now, and so has the guest");
    expect(grown).toContain('the disk "db" has 2 GiB now, and so has the guest');
    const sizes = (await inGuest(vm, `df --output=size -B1M /var/lib/docker ${place} | tail -n 2`))
      .split("\n")
      .map(Number);
    expect(sizes[0]).toBeGreaterThan(11_500);
    expect(sizes[1]).toBeGreaterThan(1_900);
    expect([(await vm.status()).qemu.pid, await vm.docker("inspect", "-f", "{{.State.StartedAt}}", "stays")]).toEqual([
      qemu.pid,
      before,
    ]);
    const shrunk = await vm.fail(["qn", "config", "set", "diskGiB=11"]);
    expect([shrunk.exitCode, shrunk.stderr.includes("has 12 GiB and cannot shrink to 11 GiB")]).toEqual([24, true]);

    // A further disk: empty at first, written through a container, and given back like the data disk.
    expect(await vm.docker("exec", "stays", "ls", "-A", "/db")).toBe("");
    await vm.docker(
      "exec",
      "stays",
      "sh",
      "-c",
      "echo stored > /db/kept; dd if=/dev/urandom of=/db/large bs=1M count=64 2>&1",
    );
    await inGuest(vm, "sync");
    expect(await takenMiB(vm, "db")).toBeGreaterThan(60);
    await vm.docker("exec", "stays", "rm", "/db/large");
    const dbAfter = await givenBack(vm, "db", start.db + 16);
    console.log("MiB on this machine", { start, full, after, dbAfter }, "grown in ms", tookMs);

    // What is missing on it is made by Docker, as on its own machine.
    await vm.docker("run", "--rm", "--network", "host", "-v", `${place}/made:/x`, "busybox", "touch", "/x/file");
    expect(await vm.docker("exec", "stays", "ls", "/db/made")).toBe("file");

    // Removed: no folder is left that a container could write to instead. Added again, it has its data.
    await vm.docker("rm", "-f", "stays");
    await vm.qn("config", "set", "volumes=[]");
    await vm.qn("restart");
    const gone = await vm.fail(["docker", "run", "--rm", "-v", `${place}:/db`, "busybox", "true"]);
    expect(gone.stderr).toContain(`"${place}" is not there in the guest of qn.`);
    expect(await said(vm, "disk", "add", "db", "2")).toContain("It has what was left of the disk of that name.");
    await vm.qn("restart");
    expect(await vm.docker("run", "--rm", "-v", `${place}:/db`, "busybox", "cat", "/db/kept")).toBe("stored");

    // Somebody else's disk is told of and left as it is.
    await vm.qn("down");
    await runProgram(["mv", file, `${file}.kept`]);
    await Bun.write(file, "");
    await truncate(file, 2 * GiB);
    await runProgram(["mkswap", file]);
    const swap = await Bun.file(file).slice(0, 65_536).bytes();
    const told = await said(vm, "up");
    expect(told).toContain('The disk "db" in the guest: it holds swap and not ext4 alone: it is left as it is');
    expect(Buffer.from(await Bun.file(file).slice(0, 65_536).bytes()).equals(swap)).toBe(true);

    // One that was just being formatted when its guest was killed is formatted again.
    await vm.qn("down");
    await Bun.write(file, "");
    await truncate(file, 2 * GiB);
    await runProgram(["mkfs.ext4", "-q", "-L", "db", file]);
    const head = await Bun.file(file).slice(0, 4_096).bytes();
    await Bun.write(file, head);
    await truncate(file, 2 * GiB);
    await vm.qn("up");
    expect(await vm.docker("run", "--rm", "-v", `${place}:/db`, "busybox", "ls", "-A", "/db")).toBe("");
  },
  20 * 60_000,
);
