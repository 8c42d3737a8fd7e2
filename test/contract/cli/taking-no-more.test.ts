/** What becomes of qn when its terminal, its reader or its log takes no more. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { makeFifo } from "../../../src/system/kernel/libc.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { repository } from "../../support/program.ts";
import { newFolder } from "../../support/folder.ts";
import { tempHome } from "../../support/temp-home.ts";

setDefaultTimeout(programsMs);

const qn = [process.execPath, join(repository, "src/main.ts")];
const log = join(repository, "src/host/supervisor/log-lines.ts");

/** The writing end of a pipe whose reader has gone. */
async function pipeWithoutReader(): Promise<Disposable & { readonly fd: number }> {
  await using folder = await newFolder();
  const path = join(folder.path, "pipe");
  makeFifo(path);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_WRONLY);
  closeSync(reader);
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

test.each(["config show", "help", "version", "ls --json", "completion bash"])(
  "a reader that has gone ends `qn %s` without a word",
  async (line) => {
    await using home = await tempHome({ images: false });
    using pipe = await pipeWithoutReader();
    const env = { ...process.env, QN_HOME: home.path };
    const child = Bun.spawn([...qn, ...line.split(" ")], { env, stdio: ["ignore", pipe.fd, "pipe"] });
    expect([await new Response(child.stderr).text(), await child.exited]).toEqual(["", 0]);
  },
);

test("a reader that has gone ends `qn logs --follow`", async () => {
  await using home = await tempHome({ images: false });
  await Bun.write(join(home.path, "web/supervisor.log"), "a line\n");
  using pipe = await pipeWithoutReader();
  const env = { ...process.env, QN_HOME: home.path };
  const child = Bun.spawn([...qn, "logs", "web", "--follow"], { env, stdio: ["ignore", pipe.fd, "pipe"] });
  expect([await new Response(child.stderr).text(), await child.exited]).toEqual(["", 0]);
});

test("a failure has its exit status though nobody hears of it", async () => {
  await using home = await tempHome({ images: false });
  using pipe = await pipeWithoutReader();
  const env = { ...process.env, QN_HOME: home.path };
  const child = Bun.spawn([...qn, "status", "nobody"], { env, stdio: ["ignore", "ignore", pipe.fd] });
  expect(await child.exited).toBe(4);
});

const full = "/dev/full";
const hasNoFull = process.platform !== "linux";

test.skipIf(hasNoFull)("a full disk behind standard output is said, with an exit status and no stack", async () => {
  await using home = await tempHome({ images: false });
  const env = { ...process.env, QN_HOME: home.path };
  const child = Bun.spawn([...qn, "config", "show"], { env, stdio: ["ignore", Bun.file(full), "pipe"] });
  expect(await new Response(child.stderr).text()).toBe(
    "✖ Standard output takes no more: ENOSPC: no space left on device, write. [DISK_FAILED]\n  What has been printed is not whole.\n",
  );
  expect(await child.exited).toBe(24);
});

for (const what of ["full", "without a reader"] as const) {
  test.skipIf(hasNoFull && what === "full")(`a supervisor whose log is ${what} lives on`, async () => {
    using pipe = await pipeWithoutReader();
    const lives = `
      import { logTo } from ${JSON.stringify(log)};
      const log = logTo();
      for (const word of ["one", "two", "three"]) {
        log(word);
        await new Promise((resolve) => setImmediate(resolve));
      }
      process.on("exit", (status) => console.log("lived", status));
    `;
    const errors = what === "full" ? Bun.file(full) : pipe.fd;
    const child = Bun.spawn([process.execPath, "-e", lives], { stdio: ["ignore", "pipe", errors] });
    expect([await new Response(child.stdout).text(), await child.exited]).toEqual(["lived 0\n", 0]);
  });
}
