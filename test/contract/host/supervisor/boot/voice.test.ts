/** What QEMU says itself, from its own end of a FIFO to the log. */
import { expect, test } from "bun:test";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { layoutOf, type VmPaths } from "../../../../../src/host/layout.ts";
import { newVoice, nextWords, type Voice } from "../../../../../src/host/supervisor/boot/voice.ts";
import { isThere } from "../../../../../src/system/files.ts";
import { newFolder } from "../../../../support/folder.ts";
import { until } from "../../../../support/until.ts";

type Scene = AsyncDisposable & { readonly paths: VmPaths; readonly log: () => Promise<string> };

async function scene(): Promise<Scene> {
  const folder = await newFolder();
  const paths = layoutOf(folder.path).vm("default");
  await mkdir(paths.folder);
  await writeFile(paths.logs.qemu, "of the boot before\n");
  return {
    paths,
    log: () => readFile(paths.logs.qemu, "utf8"),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A program in QEMU's place, which bears EPIPE as QEMU does; its script knows the file `mark` as $0. */
function says(voice: Voice, script: string, mark = "sh"): Bun.Subprocess<"pipe"> {
  return Bun.spawn(["sh", "-c", `trap "" PIPE; ${script}`, mark], {
    stdin: "pipe",
    stdout: voice.fd,
    stderr: voice.fd,
  });
}

async function tell(program: Bun.Subprocess<"pipe">): Promise<void> {
  void program.stdin.write("\n");
  await program.stdin.flush();
}

test("all that was said before a program's end is in the log when its end is told", async () => {
  await using vm = await scene();
  const voice = newVoice(vm.paths);
  try {
    for (let said = 1; said <= 20; said += 1) {
      await says(voice, "head -c 60000 /dev/zero >&2").exited;
      await voice.heard();
      expect((await stat(vm.paths.logs.qemu)).size).toBe(said * 60_000);
    }
  } finally {
    voice.close();
  }
  await voice.heard();
});

test("a program whose supervisor has gone goes on, whatever it says, and the next one hears it again", async () => {
  await using vm = await scene();
  const voice = newVoice(vm.paths);
  const mark = `${vm.paths.folder}/through`;
  const flood = 'read -r _; head -c 1000000 /dev/zero; : >"$0"; read -r _; echo last; read -r _';
  const program = says(voice, flood, mark);
  voice.close();
  await tell(program);
  await until("the end of its flood", 10_000, async () => (await isThere(mark)) || undefined);
  expect(await vm.log()).toBe("");
  const next = nextWords(vm.paths);
  try {
    await tell(program);
    await until("its last word", 10_000, async () => ((await vm.log()).endsWith("last\n") ? true : undefined));
    // Of a million bytes at most what was on its way when the first one went, which is what a pipe holds.
    expect((await stat(vm.paths.logs.qemu)).size).toBeLessThan(100_000);
  } finally {
    next?.close();
    program.kill();
    await program.exited;
  }
});

test("the log of a QEMU that an older qn has started is left to it", async () => {
  await using vm = await scene();
  expect(nextWords(vm.paths)).toBeUndefined();
  expect(await vm.log()).toBe("of the boot before\n");
});
