/** The guest's console, from a socket in QEMU's place to the log. */
import { expect, test } from "bun:test";
import { chmod, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Console, keepConsole } from "../../../../../src/host/supervisor/boot/console.ts";
import { run } from "../../../../../src/system/process.ts";
import { type Connection, connect, listen } from "../../../../../src/system/net/connection.ts";
import { newFolder } from "../../../../support/folder.ts";
import { until } from "../../../../support/until.ts";

type Scene = AsyncDisposable & {
  readonly log: string;
  /** The supervisor's end of the console. */
  readonly console: Console;
  /** QEMU's. */
  readonly guest: Connection;
  /** QEMU ends. */
  end(): void;
};

async function scene(prepare: (log: string) => Promise<unknown> = (log) => writeFile(log, "")): Promise<Scene> {
  const folder = await newFolder();
  const [socket, log] = [join(folder.path, "serial.sock"), join(folder.path, "serial.log")];
  await prepare(log);
  const came = Promise.withResolvers<Connection>();
  const listener = listen({ unix: socket }, (connection) => {
    connection.take({});
    came.resolve(connection);
  });
  const console = await keepConsole(socket, log);
  return {
    log,
    console,
    guest: await came.promise,
    end: () => listener.closeAll(),
    async [Symbol.asyncDispose]() {
      console.close();
      listener.closeAll();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function isInLog(log: string, content: string): Promise<void> {
  await until(content, 10_000, async () => ((await readFile(log, "utf8")) === content ? true : undefined));
}

test("what the guest says comes to the log's end, wherever that is after it was cut", async () => {
  await using vm = await scene((log) => writeFile(log, "before\n"));
  vm.guest.write("first\n");
  await isInLog(vm.log, "before\nfirst\n");
  await truncate(vm.log, 0);
  vm.guest.write("second\n");
  await isInLog(vm.log, "second\n");
});

test("what QEMU tells at another place is told when all that the guest has said before is in the log", async () => {
  await using vm = await scene();
  await using folder = await newFolder();
  const socket = join(folder.path, "qmp.sock");
  const monitor = Promise.withResolvers<Connection>();
  using listener = Object.assign(
    listen({ unix: socket }, (connection) => monitor.resolve(connection)),
    { [Symbol.dispose]: () => listener.closeAll() },
  );
  const supervisor = await connect({ unix: socket });
  const sizes: number[] = [];
  supervisor.take({
    onData: () => void vm.console.heard().then(async () => sizes.push((await stat(vm.log)).size)),
  });
  const qemu = await monitor.promise;
  const words = "x".repeat(100_000);
  for (let told = 1; told <= 20; told += 1) {
    vm.guest.write(words);
    qemu.write("RESET");
    await until("the size", 10_000, async () => (sizes.length === told ? true : undefined));
  }
  expect(sizes).toEqual(Array.from({ length: 20 }, (_, index) => (index + 1) * words.length));
});

test("a log that cannot be written loses what is said, and keeps nobody waiting", async () => {
  const cases = { "a folder": ["mkdir"], "a FIFO that nobody reads": ["mkfifo"] };
  for (const [what, make] of Object.entries(cases)) {
    await using vm = await scene((log) => run([...make, log]));
    const drained = Promise.withResolvers<void>();
    vm.guest.amend({ onDrain: () => drained.resolve() });
    // More than all buffers on the way.
    if (!vm.guest.write("x".repeat(4 * 1024 ** 2))) await drained.promise;
    await vm.console.heard();
    expect([what, (await stat(vm.log)).isFile()]).toEqual([what, false]);
  }
});

test("the log of a QEMU whose console has no socket is left to it", async () => {
  await using folder = await newFolder();
  const log = join(folder.path, "serial.log");
  await writeFile(log, "its own");
  await chmod(log, 0o600);
  const console = await keepConsole(join(folder.path, "serial.sock"), log);
  await console.heard();
  console.close();
  expect(await readFile(log, "utf8")).toBe("its own");
});

test("a console whose QEMU has ended is waited for no longer", async () => {
  await using vm = await scene();
  vm.guest.write("last words");
  await isInLog(vm.log, "last words");
  vm.end();
  await vm.console.heard();
  expect(await readFile(vm.log, "utf8")).toBe("last words");
});
