/** What a mount below /tmp adds to the making of a container, and whether it is always the right file. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Vm } from "../support/vm.ts";
import { inTurn, ratioLine } from "./figures.ts";

const rounds = 30;
const races = 300;

/** Entries that lie in the host's /tmp beside the one that is mounted. */
const entryCounts = [10, 10_000];

/** The time of `create` with a mount below /tmp beside one in the home folder, for few and many entries in /tmp. */
export async function measureTmp(vm: Vm): Promise<string[]> {
  const inHome = join(vm.inHome, "mounted");
  await mkdir(inHome);
  const lines: string[] = [];
  for (const count of entryCounts) {
    const entries = Array.from({ length: count }, (_unused, index) => `${vm.inTmp}.beside-${index}`);
    const mounted = `${vm.inTmp}.mounted`;
    try {
      await Promise.all([...entries, mounted].map((path) => mkdir(path, { recursive: true })));
      const times = await inTurn(
        rounds,
        () => timeOfCreate(vm, mounted),
        () => timeOfCreate(vm, inHome),
      );
      lines.push(ratioLine(`create with a mount below /tmp (${count} entries) beside home`, times, "ms", "20 ms more"));
    } finally {
      await Promise.all([...entries, mounted].map((path) => rm(path, { recursive: true, force: true })));
    }
  }
  return lines;
}

/** How many of 300 files are what the host has made a moment before the container that reads them. */
export async function raceTmp(vm: Vm): Promise<string[]> {
  let right = 0;
  for (let index = 0; index < races; index += 1) {
    const file = `${vm.inTmp}.race-${index}`;
    await Bun.write(file, `content ${index}`);
    const said = await vm.docker("run", "--rm", "--network", "none", "-v", `${file}:/x`, "busybox", "cat", "/x");
    if (said === `content ${index}`) right += 1;
    await rm(file);
  }
  return [`${right} of ${races} files made in /tmp and mounted at once were right (aim: all)`];
}

// --- internal ---

async function timeOfCreate(vm: Vm, source: string): Promise<number> {
  const unix = join(vm.folder, "docker.sock");
  const body = JSON.stringify({ Image: "busybox", Cmd: ["true"], HostConfig: { Binds: [`${source}:/x`] } });
  const headers = { "content-type": "application/json" };
  const begin = performance.now();
  const answer = await fetch("http://docker/containers/create", { unix, method: "POST", headers, body });
  const { Id } = (await answer.json()) as { Id?: string };
  const spentMs = performance.now() - begin;
  if (Id === undefined) throw new Error(`Docker made no container: ${answer.status}`);
  await fetch(`http://docker/containers/${Id}`, { unix, method: "DELETE" });
  return spentMs;
}
