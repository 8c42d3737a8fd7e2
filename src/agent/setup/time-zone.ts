/** The guest's time zone, which is the host's unless somebody has chosen another one in the guest. */
import { readlink, rm } from "node:fs/promises";
import type { TimeZone } from "../../protocol/time-zone.ts";
import { writeFileAtomically } from "../../system/files.ts";

/** Where programs look: the rules, and those of Debian the name. */
const files = { rules: "/etc/localtime", name: "/etc/timezone" };

/**
 * Puts the host's rules in the place of the image's UTC, or of those of an earlier start. A zone that was chosen in the
 * guest is a link to it (`timedatectl set-timezone`, `time.timeZone` on NixOS), and stays.
 */
export async function provideTimeZone(
  zone: TimeZone | undefined,
  { rules, name }: Readonly<typeof files> = files,
): Promise<void> {
  if (zone === undefined) return;
  const chosen = await readlink(rules).catch(() => undefined);
  if (chosen !== undefined && !/\/(Etc\/)?(UTC|UCT|Universal|Zulu)$/.test(chosen)) return;
  await writeFileAtomically(rules, Buffer.from(zone.rules, "base64"), 0o644);
  // A name that is wrong would be worse than none.
  if (zone.name === undefined) await rm(name, { force: true });
  else await writeFileAtomically(name, `${zone.name}\n`, 0o644);
}
