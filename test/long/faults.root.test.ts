/** A host's disk that is full, and an agent that dies while it mounts. Root makes the small disk. */
import { expect } from "bun:test";
import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { bootVm, testWithVm, type Vm, type VmTest } from "../support/vm.ts";

/**
 * A share on a disk of 16 MiB, once for each way to remember what was written, and who writes there too much. Without a
 * cache, Linux does not tell who copies with sendfile(2), as busybox's cp does (docs/files.md).
 */
const writersOf = {
  mmap: ["cp /big /mnt/big", "dd if=/big of=/mnt/big bs=64k", "tar -cf /mnt/big /big"],
  none: ["dd if=/big of=/mnt/big bs=1M", "dd if=/big of=/mnt/big bs=64k", "dd if=/big of=/mnt/big bs=16k"],
} as const;
const caches = ["mmap", "none"] as const;

async function smallDisks(vm: Vm): Promise<void> {
  for (const cache of caches) {
    await mkdir(join(vm.inHome, cache));
    await vm.succeed(["mount", "-t", "tmpfs", "-o", "size=16m", "small", join(vm.inHome, cache)]);
  }
  await mkdir(vm.folder, { recursive: true, mode: 0o700 });
  const mounts = [{ path: homedir() }, ...caches.map((cache) => ({ path: join(vm.inHome, cache), cache }))];
  await Bun.write(join(vm.folder, "config.yaml"), JSON.stringify({ mounts }));
}

async function bootWithSmallDisks(): Promise<Vm> {
  const vm = await bootVm({ before: smallDisks });
  return {
    ...vm,
    async [Symbol.asyncDispose]() {
      for (const cache of caches) await vm.succeed(["umount", "--lazy", join(vm.inHome, cache)]);
      await vm[Symbol.asyncDispose]();
    },
  };
}

const inVm = testWithVm(bootWithSmallDisks);
const test: VmTest = (name, action) => inVm(name, action, 900_000);

function asRoot(vm: Vm, script: string): Promise<string> {
  return vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", script]);
}

for (const cache of caches) {
  test(`a container that fills the host's disk is told so, and nothing else is lost (cache ${cache})`, async (vm) => {
    const share = join(vm.inHome, cache);
    const volume = ["--rm", "-v", `${share}:/mnt`, "busybox"];
    try {
      const fill = `echo kept >/mnt/kept; dd if=/dev/urandom of=/big bs=1M count=20 2>/dev/null
        for writer in ${writersOf[cache].map((writer) => `"${writer}"`).join(" ")}; do
          $writer 2>&1 && echo "$writer ended well"; rm -f /mnt/big; done | grep -v -e records -e removing`;
      const said = await vm.docker("run", ...volume, "sh", "-c", fill);
      expect(said).not.toContain("ended well");
      expect(said.match(/No space left on device/g)?.length).toBeGreaterThanOrEqual(3);
      // Not in the same breath: the guest lets go of a file that was deleted a moment after its last writer has ended.
      const after = await vm.docker("run", ...volume, "sh", "-c", "echo after >/mnt/after; cat /mnt/kept /mnt/after");
      expect(after).toBe("kept\nafter");
      expect(await readFile(join(share, "after"), "utf8")).toBe("after\n");
    } finally {
      await rm(join(share, "big"), { force: true });
    }
  });
}

test("an agent that is killed while it mounts leaves each start right or refused, and the next one right", async (vm) => {
  const rounds = 30;
  const kill =
    "for i in $(seq 40); do systemctl kill -s KILL qn-agent && echo killed; sleep 0.$((i % 9 + 1)); done; true";
  const killing = asRoot(vm, kill);
  const outcomes = { right: 0, refused: 0 };
  const files = Array.from({ length: rounds }, (_, index) => `${vm.inTmp}.killed-${index}`);
  try {
    for (const [index, file] of files.entries()) {
      await Bun.write(file, `content ${index}`);
      const run = vm.docker("run", "--rm", "--network", "none", "-v", `${file}:/x`, "busybox", "cat", "/x");
      const said = await run.catch((error: unknown) => String(error));
      if (said === `content ${index}`) outcomes.right += 1;
      else if (/The agent in the guest was started anew meanwhile\. Please try again\./.test(said))
        outcomes.refused += 1;
      else throw new Error(`round ${index}: ${said}`);
    }
    const kills = (await killing).match(/^killed$/gm)?.length ?? 0;
    console.log({ ...outcomes, kills });
    expect([kills > 0, outcomes.right > 0]).toEqual([true, true]);
    // All of them again, by an agent that lives: nothing that was left half done is in the way.
    const volumes = files.flatMap((file, index) => ["-v", `${file}:/x/${index}`]);
    const all = await vm.docker("run", "--rm", ...volumes, "busybox", "sh", "-c", "cat /x/*");
    expect(new Set(all.match(/content \d+/g)).size).toBe(rounds);
  } finally {
    for (const file of files) await rm(file, { force: true });
  }
  // The mounts go with the files.
  await vm.docker("run", "--rm", "busybox", "true");
  const left = await asRoot(vm, `sleep 2; grep -c ${vm.inTmp}.killed /proc/self/mountinfo || true`);
  expect(left).toBe("0");
  expect((await stat(vm.inTmp)).isDirectory()).toBe(true);
});
