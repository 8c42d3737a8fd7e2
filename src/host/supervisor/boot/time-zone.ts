/** This machine's time zone, for the guest: `-v /etc/localtime:/etc/localtime:ro` means the machine's. */
import { readFile, readlink } from "node:fs/promises";
import { type TimeZone, timeZoneSchema } from "../../../protocol/time-zone.ts";
import * as v from "valibot";

/**
 * The zone that `path` is, by name where it is a link into a database of zones (localtime(5)); nothing on a machine
 * without one, or with one that is no such file.
 */
export async function hostTimeZone(path = "/etc/localtime"): Promise<TimeZone | undefined> {
  const rules = await readFile(path).catch(() => undefined);
  if (rules === undefined || rules.subarray(0, 4).toString("latin1") !== "TZif") return undefined;
  const target = await readlink(path).catch(() => "");
  const name = /\/zoneinfo(?:\.default)?\/(?:posix\/)?(.+)$/.exec(target)?.[1];
  const zone = { rules: rules.toString("base64"), ...(name !== undefined && { name }) };
  return v.is(timeZoneSchema, zone) ? zone : undefined;
}
