/** The command line that the fake QEMU was started with, and what it leads to. */
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from "node:fs";

const argv = process.argv.slice(3);

/** What follows each of these flags. */
export function values(flag: string): readonly string[] {
  return argv.flatMap((word, index) => (argv[index - 1] === flag ? [word] : []));
}

/** The value of `key` in the option `flag` that has `having`. */
export function part(flag: string, having: string, key: string): string {
  const parts = values(flag)
    .map((value) => value.split(","))
    .find((each) => each.includes(having));
  return parts?.find((each) => each.startsWith(`${key}=`))?.slice(key.length + 1) ?? "";
}

/** The port of this machine that leads to one of the guest's. */
export function forwarded(guestPort: number): number {
  const rules = values("-netdev")
    .join(" ")
    .matchAll(/hostfwd=tcp:127\.0\.0\.1:(\d+)-:(\d+)/g);
  return Number(rules.find(([, , port]) => port === `${guestPort}`)?.[1]);
}

/** What the guest was told under this name. */
export function credential(name: string): string {
  const files = values("-smbios").map((value) => value.replace(/^.*path=/, ""));
  const start = `io.systemd.credential.binary:${name}=`;
  const text = files.map((file) => readFileSync(file, "utf8")).find((each) => each.startsWith(start)) ?? "";
  return Buffer.from(text.slice(start.length), "base64").toString();
}

/**
 * What the guest has in its memory of what it was told, where that is a file: a copy has what its template was told,
 * and one that was suspended has what was saved.
 */
export function inMemory(told: string): string {
  const memory = part("-object", "id=memory", "mem-path");
  if (memory === "") return told;
  const file = openSync(memory, constants.O_RDWR | constants.O_CREAT, 0o600);
  if (part("-object", "id=memory", "share") === "on" && !argv.includes("-incoming")) writeSync(file, told, toldAt);
  const bytes = Buffer.alloc(toldMax);
  readSync(file, bytes, 0, toldMax, toldAt);
  closeSync(file);
  return bytes.toString().replace(/\0*$/, "");
}

// --- internal ---

/** Somewhere in the middle of it. */
const toldAt = 9 * 1024 ** 2 + 4096;
const toldMax = 256 * 1024;
