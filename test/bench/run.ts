/** `qn run` beside a bare QEMU that loads the same template, and the memory of ten at once. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf } from "../../src/host/layout.ts";
import { awaitQmp } from "../../src/host/qmp/client.ts";
import { loadFrom } from "../../src/host/qmp/migrate.ts";
import { readHead } from "../../src/host/supervisor/suspend/state.ts";
import { sendStream } from "../../src/host/supervisor/suspend/stream.ts";
import { memoryOf } from "../support/resident.ts";
import { until } from "../support/until.ts";
import type { Vm } from "../support/vm.ts";
import { inTurn, ratioOf, secondsOf, type Told } from "./figures.ts";

const rounds = 5;
const copies = 10;
const run = ["run", "--memory", "1536", "--"] as const;

/** The ratio of the times, and what ten copies have of this machine's memory. */
export async function measureRun(vm: Vm): Promise<Told[]> {
  await vm.qn(...run, "true");
  const times = await inTurn(
    rounds,
    () => secondsOf(() => vm.qn(...run, "docker", "version")),
    () => loadBare(vm),
  );
  return [
    ratioOf("`qn run -- docker version`, to its end, beside a bare QEMU that loads the template", times, "s", "1.0 s"),
    await memoryOfTen(vm),
  ];
}

// --- internal ---

/** Seconds from the start of QEMU until all is loaded. It writes to nothing of the template's. */
async function loadBare({ home }: Vm): Promise<number> {
  const layout = layoutOf(home);
  const [id = ""] = await readdir(layout.throwaways);
  const { suspended, suspendSocket, qmpSocket } = layout.throwaway(id);
  const head = await readHead(suspended);
  if (head === undefined) throw new Error("There is no template.");
  const words = head.boot.argv.filter((word, index, all) => word !== "-smbios" && all[index - 1] !== "-smbios");
  const argv = words.map((word) => (word.startsWith("memory-backend-file") ? word.replace("=on", "=off") : word));
  return await secondsOf(async () => {
    const child = Bun.spawn([...argv, "-S", "-incoming", "defer"], { stdio: ["ignore", "ignore", "ignore"] });
    const qmp = await awaitQmp(qmpSocket, { deadlineMs: 60_000 });
    await loadFrom(qmp, `unix:${suspendSocket}`, () => sendStream(suspended, suspendSocket, head.stream), true);
    child.kill("SIGKILL");
    await child.exited;
  });
}

async function memoryOfTen(vm: Vm): Promise<string> {
  const folder = join(vm.inTmp, "ten");
  await mkdir(folder);
  const script = `docker version > /dev/null && touch ${folder}/$$ && while [ ! -e ${folder}/end ]; do sleep 1; done`;
  const begin = performance.now();
  const all = Array.from({ length: copies }, () => vm.qn(...run, "sh", "-c", script));
  await until("ten copies", 600_000, async () => ((await readdir(folder)).length === copies ? true : undefined));
  const seconds = (performance.now() - begin) / 1000;
  const memory = await Promise.all((await pidsOf(`${layoutOf(vm.home).throwaways}/r-`)).map(memoryOf));
  await writeFile(join(folder, "end"), "");
  await Promise.all(all);
  const sum = (key: "Rss" | "Pss"): string => memory.reduce((total, each) => total + each[key], 0).toFixed(0);
  return `ten at once had Docker after ${seconds.toFixed(1)} s; their QEMUs have ${sum("Pss")} MiB (Pss; Rss ${sum("Rss")})`;
}

/** The QEMUs that have this in their command lines. */
async function pidsOf(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (words.includes(text) && /^[^\0]*qemu-system/.test(words)) found.push(Number(pid));
  }
  return found;
}
