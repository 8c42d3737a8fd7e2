/** Races between the host and Docker: a file is made in the host's /tmp, and at once a container mounts and reads it. */
import { rm } from "node:fs/promises";
import type { Vm } from "./vm.ts";

/** An emulated guest keeps two processors busy. */
export const racesAtOnce = 3;

/** Runs so many races, some at a time; a line for each one whose container said anything but the file's content. */
export async function playRaces(vm: Pick<Vm, "inTmp" | "docker">, count: number): Promise<string[]> {
  const wrong: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const file = `${vm.inTmp}.race-${index}`;
      await Bun.write(file, `content ${index}`);
      const run = vm.docker("run", "--rm", "--network", "none", "-v", `${file}:/x`, "busybox", "cat", "/x");
      const said = await run.catch((error: unknown) => String(error));
      if (said !== `content ${index}`) wrong.push(`${index}: ${said}`);
      await rm(file, { force: true });
      if (index % 50 === 49) console.log(`  … ${index + 1} of ${count}, ${wrong.length} wrong`);
    }
  };
  await Promise.all(Array.from({ length: racesAtOnce }, lane));
  return wrong;
}
