/** `qn run` on a disk that is full, before, in the middle and after: the reason is said, and nothing is left. Root on Linux mounts one. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mount, unmount } from "../../../../src/system/kernel/libc.ts";
import { type FakeVm, fakeVm, processesWith, programsMs } from "../../../support/fake-vm.ts";
import { converse } from "../../../support/conversation.ts";
import { type Outcome, repository, runProgram } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

const isRoot = process.getuid?.() === 0 && process.platform === "linux";

/** A machine whose throw-away VMs lie on a file system of so many kilobytes. */
async function onSmallDisk(kilobytes: number, action: (vm: FakeVm) => Promise<void>): Promise<void> {
  await using vm = await fakeVm("boots");
  const { throwaways } = vm.layout;
  await mkdir(throwaways);
  mount("none", throwaways, "tmpfs", `size=${kilobytes}k`);
  try {
    await action(vm);
    // The helper that would have taken it away has its own last moment.
    await until("the end of all", 20_000, async () =>
      (await processesWith(throwaways)).length === 0 ? true : undefined,
    );
  } finally {
    unmount(throwaways);
  }
}

/** `qn run` of a shell's script, and its variables. */
function words(script: string): readonly string[] {
  return [process.execPath, join(repository, "src/main.ts"), "run", "--memory", "512", "--", "sh", "-c", script];
}

function variables({ env, layout }: FakeVm) {
  return { ...env, QN_HOME: layout.home, DOCKER_HOST: undefined };
}

async function run(vm: FakeVm, script: string): Promise<Outcome> {
  return await runProgram(words(script), { env: variables(vm) });
}

/** What the template's memory may take, and what there is beside it. */
const [memoryKiB, besideKiB] = [512 * 1024, 16 * 1024];

test.skipIf(!isRoot)("without room for a template's memory nothing is started", async () => {
  await onSmallDisk(memoryKiB - besideKiB, async (vm) => {
    const { exitCode, stderr } = await run(vm, "true");
    expect([exitCode, stderr]).toEqual([24, expect.stringMatching(/may take that much; .* are free in/)]);
    expect(await readdir(vm.layout.throwaways)).toEqual([]);
  });
});

test.skipIf(!isRoot)("a disk that is full by the time that the template is saved leaves no template", async () => {
  await onSmallDisk(memoryKiB + besideKiB, async (vm) => {
    await vm.behave("loses-disk");
    const { exitCode, stderr } = await run(vm, "true");
    expect([exitCode, stderr]).toEqual([57, expect.stringMatching(/no space left/i)]);
    expect(await readdir(vm.layout.throwaways)).toEqual([]);
    await vm.behave("boots");
    expect((await run(vm, "true")).exitCode).toBe(0);
  });
});

test.skipIf(!isRoot)(
  "a disk that is full before, or fills up under, a command says so, and the template stays",
  async () => {
    await onSmallDisk(memoryKiB + besideKiB, async (vm) => {
      expect((await run(vm, "true")).exitCode).toBe(0);
      const [template = ""] = await readdir(vm.layout.throwaways);
      const filler = join(vm.layout.throwaways, "filler");
      await writeFile(filler, Buffer.alloc(memoryKiB * 1024 * 1.2, 1)).catch(() => {});
      const refused = await run(vm, "echo begun");
      expect([refused.stdout, refused.exitCode, refused.stderr]).toEqual([
        "",
        expect.any(Number),
        expect.stringMatching(/no space left/i),
      ]);
      expect((await readdir(vm.layout.throwaways)).toSorted()).toEqual(["filler", template]);
      await rm(filler);
      // The fake's guest cannot write any more; its command waits for what will not come.
      const boot = '"$(dirname "${DOCKER_HOST#unix://}")/boot.json"';
      const pid = `$(sed 's/.*"qemuPid":\\([0-9]*\\).*/\\1/' ${boot})`;
      await using filled = converse(words(`kill -HUP ${pid}; exec sleep 1000`), { env: variables(vm), errors: "only" });
      expect(await filled.nextLine(programsMs)).toMatch(/is full\. The VM waits/);
      filled.kill("SIGTERM");
      expect(await filled.end(programsMs)).toBe(143);
    });
  },
);
