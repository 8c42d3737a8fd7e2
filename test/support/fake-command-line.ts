/** The command line that the fake QEMU was started with, and what it leads to. */
import { readFileSync, writeFileSync } from "node:fs";

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

/** What the guest has in its memory of what it was told: where that is a file, a copy has what its template was told. */
export function inMemory(told: string): string {
  const memory = part("-object", "id=memory", "mem-path");
  if (memory === "") return told;
  if (values("-object").some((value) => value.endsWith("share=on"))) writeFileSync(memory, told);
  return readFileSync(memory, "utf8");
}
