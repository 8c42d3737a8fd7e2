/** A container that watches paths, and what it hears, as it hears it. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { within } from "./until.ts";
import { runPlain, type Vm } from "./vm.ts";
import { watchedEvents, watchProgram } from "./watch-program.ts";

/** What a container hears. */
export type Watching = AsyncDisposable & {
  /** Resolves when an event comes that has not been waited for yet, such as "1 MODIFY file". Throws when it is late. */
  heard(event: string, deadlineMs: number): Promise<void>;
  /** All that came so far. */
  events(): readonly string[];
  /** Waits for nothing of what came so far. */
  forget(): void;
};

/** Starts a container `name` with a `volume` such as "/home/ann/src:/mnt", which watches `paths`, the first one being 1. */
export async function watchIn(vm: Vm, name: string, volume: string, paths: readonly string[]): Promise<Watching> {
  const tools = join(vm.inHome, "tools");
  await mkdir(tools, { recursive: true });
  await writeFile(join(tools, "watch"), watchProgram(), { mode: 0o755 });
  const volumes = ["-v", volume, "-v", `${tools}:/tools:ro`];
  const child = Bun.spawn(
    ["docker", ...runPlain, "--rm", "--name", name, ...volumes, "busybox", "/tools/watch", ...paths],
    {
      env: { ...process.env, ...vm.env },
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  let bytes = Buffer.alloc(0);
  let taken = 0;
  let onBytes: () => void = () => {};
  const reading = (async () => {
    for await (const chunk of child.stdout) {
      bytes = Buffer.concat([bytes, chunk]);
      onBytes();
    }
  })();
  const wait = async (isThere: () => boolean): Promise<void> => {
    while (!isThere()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      onBytes = resolve;
      await promise;
    }
  };
  await within(
    "the watch",
    60_000,
    wait(() => bytes.length > 0),
  );
  return {
    async heard(event, deadlineMs) {
      const isNew = (): boolean => {
        const at = watchedEvents(bytes).indexOf(event, taken);
        if (at >= 0) taken = at + 1;
        return at >= 0;
      };
      await within(`the event "${event}"`, deadlineMs, wait(isNew));
    },
    events: () => watchedEvents(bytes),
    forget: () => void (taken = watchedEvents(bytes).length),
    async [Symbol.asyncDispose]() {
      await vm.docker("rm", "--force", name);
      await child.exited;
      await reading;
    },
  };
}
