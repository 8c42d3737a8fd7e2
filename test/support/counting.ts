/** Containers of a VM that is suspended: one counts in its own memory, which tells whether it lives on and has lost a step. */
import { expect } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "./until.ts";
import type { Vm } from "./vm.ts";

/** Starts it under that name; `more` are further words of `docker run`. */
export async function startCounting(vm: Vm, name: string, ...more: readonly string[]): Promise<void> {
  // A step is right when the file still has the one before it; whoever reads it finds one or the other.
  await startSteps(vm, name, { isRight: '[ "$(cat /count)" = "$i" ]', pauseS: 0.1 }, more);
}

/** Starts one that fills 8 MiB of memory, and reads them again in each step. */
export async function startChecking(vm: Vm, name: string): Promise<void> {
  const first = 'dd if=/dev/urandom of=/memory/kept bs=1M count=8; sum="$(md5sum < /memory/kept)"';
  const isRight = '[ "$(md5sum < /memory/kept)" = "$sum" ]';
  await startSteps(vm, name, { first, isRight, pauseS: 2 }, ["--tmpfs", "/memory"]);
}

/** Starts one that has a connection to another one, `<name>-server`, and has each step said back by that. */
export async function startTalking(vm: Vm, name: string): Promise<void> {
  const server = `${name}-server`;
  await vm.docker("run", "--detach", "--name", server, "busybox", "nc", "-ll", "-p", "9000", "-e", "cat");
  const address = await vm.docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", server);
  await startSteps(vm, name, askedSteps(`nc ${address} 9000`, "$i"));
}

/** Starts a database that has each step told whose row it has written and read again. `image` has sqlite3. */
export async function startWriting(vm: Vm, name: string, image: string): Promise<void> {
  const begin = "pragma synchronous=full; create table steps (n integer primary key);";
  const question = "insert into steps values ($i); select max(n) from steps;";
  await startSteps(vm, name, askedSteps(`sqlite3 ${database}`, question, begin), ["--volume", "/data"], image);
}

/** What its file is found to be by another process: `ok`, and whether it has every step. */
export async function writtenOf(vm: Vm, name: string): Promise<string> {
  const questions = "pragma integrity_check; select count(*) = max(n) + 1 from steps";
  return await vm.docker("exec", name, "sqlite3", database, questions);
}

/** How far it is. Throws when it has lost a step, or does not run. */
export async function countOf(vm: Vm, name: string): Promise<number> {
  const count = await vm.docker("exec", name, "cat", "/count");
  if (!/^\d+$/.test(count)) throw new Error(`${name} has counted to "${count}"`);
  return Number(count);
}

/** Starts one that holds mounts of this machine's, of folders and of a file by itself, and does nothing. */
export async function startMounting(vm: Vm, name: string): Promise<void> {
  const here = join(vm.inHome, "here");
  await writeFile(here, "here");
  const mounts = [`${vm.inTmp}:/in-tmp`, `${vm.inHome}:/in-home`, `${here}:/file`];
  const words = mounts.flatMap((mount) => ["--volume", mount]);
  await vm.docker("run", "--detach", "--init", "--name", name, ...words, "busybox", "sleep", "1000000");
}

/** Resolves when it runs, and sees what it mounts. */
export async function expectMounts(vm: Vm, name: string): Promise<void> {
  const see = ["exec", name, "sh", "-c", "ls /in-tmp; cat /in-home/here /file"];
  const seen = await until("the mounts", 60_000, () => vm.docker(...see).catch(() => undefined));
  expect(seen).toMatch(/busybox[^]*herehere/);
}

// --- internal ---

const database = "/data/steps.db";

/** What is done first, the shell's word on whether step `$i` is right, and how long it rests after one. */
type Steps = { readonly first?: string; readonly isRight: string; readonly pauseS: number };

async function startSteps(
  vm: Vm,
  name: string,
  { first = ":", isRight, pauseS }: Steps,
  more: readonly string[] = [],
  image = "busybox",
): Promise<void> {
  const step = `i=$((i + 1)); echo $i > /next; mv /next /count; sleep ${pauseS}`;
  const steps = `${first}; i=0; echo 0 > /count; while ${isRight}; do ${step}; done; echo lost > /count`;
  await vm.docker("run", "--detach", "--name", name, ...more, image, "sh", "-c", steps);
}

/** Steps that a program which lives as long as they do is asked for, one at a time, and answers with their number. */
function askedSteps(program: string, question: string, begin = ""): Steps {
  const pipes = `mkfifo /to /from; ${program} < /to > /from & exec 3> /to 4< /from`;
  const isRight = `echo "${question}" >&3 && read -r answer <&4 && [ "$answer" = "$i" ]`;
  return { first: begin === "" ? pipes : `${pipes}; echo "${begin}" >&3`, isRight, pauseS: 0.5 };
}
