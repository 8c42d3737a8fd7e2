/** What systemd itself says about units, before they are on a machine. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../../src/system/process.ts";
import { newFolder } from "./folder.ts";

/** Words of the guest's systemd that one of 252, as Debian 12 has it, does not know yet (systemd's NEWS, 253 and 254). */
const newerKeys = ["ImportCredential", "RestartMaxDelaySec", "RestartSteps"];

/**
 * The complaints of `systemd-analyze verify` about units by file name, drop-ins such as `a.service.d/b.conf` among them; empty
 * when there are none. The programs of a Nix store are not on this machine: `/bin/true` stands for each.
 */
export async function verdictOn(units: Readonly<Record<string, string>>): Promise<readonly string[]> {
  await using folder = await newFolder();
  const names = Object.keys(units);
  for (const [name, text] of Object.entries(units)) {
    const path = join(folder.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text.replaceAll(/^(Exec\w+=[-+!:@]*)\/nix\/store\/\S+/gm, "$1/bin/true"));
  }
  const whole = names.filter((name) => !name.includes("/"));
  const { stderr } = await run(
    ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", ...whole.map((name) => join(folder.path, name))],
    { env: { ...process.env, SYSTEMD_LOG_LEVEL: "warning" } },
  );
  const isNewer = (line: string): boolean => newerKeys.some((key) => line.includes(`Unknown key '${key}'`));
  return stderr.split("\n").filter((line) => whole.some((name) => line.includes(name)) && !isNewer(line));
}
