/** Locks between real processes. */
import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acquireLock, isLocked, tryLock } from "../../../../src/system/kernel/lock.ts";

const program = `
  import { acquireLock } from ${JSON.stringify(join(import.meta.dir, "../../../../src/system/kernel/lock.ts"))};
  const lock = acquireLock(process.argv[1]);
  if (process.argv[2] === "child") Bun.spawn(["sleep", "600"], { stdio: ["ignore", "inherit", "ignore"], detached: true });
  process.stdout.write(lock === undefined ? "refused\\n" : "held\\n");
  setInterval(() => {}, 60_000);
`;

type Holder = AsyncDisposable & {
  readonly pid: number;
  readonly said: string;
  kill(signal: NodeJS.Signals): Promise<void>;
};

/** A process that takes the lock and stays; with "child" it has started a program that outlives it. */
async function holder(path: string, how: "alone" | "child" = "alone"): Promise<Holder> {
  const child = Bun.spawn([process.execPath, "-e", program, path, how], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await child.exited;
  };
  return {
    pid: child.pid,
    said: new TextDecoder().decode(value).trim(),
    kill,
    [Symbol.asyncDispose]: () => kill("SIGKILL"),
  };
}

/** A place for a lock in a folder of its own. */
async function place(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "qn-lock-"));
  return { path: join(folder, "lock"), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

test("a lock that another process holds is not given, and can be seen", async () => {
  await using here = await place();
  await using other = await holder(here.path);
  expect([other.said, isLocked(here.path), acquireLock(here.path)]).toEqual(["held", true, undefined]);
  await using third = await holder(here.path);
  expect(third.said).toBe("refused");
});

test("a lock that was let go of is free, however often it was looked at meanwhile", async () => {
  await using here = await place();
  const lock = acquireLock(here.path);
  expect([lock !== undefined, isLocked(here.path), isLocked(here.path)]).toEqual([true, true, true]);
  lock?.release();
  expect([isLocked(here.path), isLocked(here.path)]).toEqual([false, false]);
  await using other = await holder(here.path);
  expect(other.said).toBe("held");
});

test("the end of its holder frees a lock, also a sudden one", async () => {
  await using here = await place();
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await using other = await holder(here.path);
    expect(isLocked(here.path)).toBe(true);
    await other.kill(signal);
    expect(isLocked(here.path)).toBe(false);
  }
});

test("a program that the holder has started does not hold its lock", async () => {
  await using here = await place();
  await using other = await holder(here.path, "child");
  const [grandchild = ""] = await childrenOf(other.pid);
  expect(isLocked(here.path)).toBe(true);
  await other.kill("SIGKILL");
  try {
    // Still there, so that the test can fail.
    process.kill(Number(grandchild), 0);
    expect(isLocked(here.path)).toBe(false);
  } finally {
    process.kill(Number(grandchild), "SIGKILL");
  }
});

test("a file that takes no lock is said to be so, and not to be somebody else's", async () => {
  await using here = await place();
  const fd = openSync(here.path, "a");
  expect(tryLock(fd, here.path)).toBe(true);
  closeSync(fd);
  // As a file system says ENOLCK.
  expect(() => tryLock(fd, here.path)).toThrow(`${here.path} cannot be locked: error 9 of flock(2).`);
});

/** The processes that `pid` has started (ps(1), on both systems). */
async function childrenOf(pid: number): Promise<string[]> {
  const table = await new Response(Bun.spawn(["ps", "-A", "-o", "pid=,ppid="]).stdout).text();
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([child = "", parent]) => (parent === `${pid}` ? [child] : []));
}
