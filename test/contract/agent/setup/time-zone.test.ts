/** The host's time zone in the guest, from the host's file to the guest's. */
import { expect, test } from "bun:test";
import { mkdtemp, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provideTimeZone } from "../../../../src/agent/setup/time-zone.ts";
import { hostTimeZone } from "../../../../src/host/supervisor/boot/time-zone.ts";

/** The beginning of a file of rules, and more that is no text. */
const berlin = Buffer.from([...Buffer.from("TZif2"), 0, 255, 128, 1]);
const tokyo = Buffer.from([...Buffer.from("TZif2"), 9]);

async function inFolder(action: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "qn-zone-"));
  try {
    await action((name) => join(folder, name));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a guest has the host's zone with its name, at the next start another one, and what its owner has chosen stays", async () => {
  await inFolder(async (at) => {
    await Bun.write(at("zoneinfo/Europe/Berlin"), berlin);
    await symlink(at("zoneinfo/Europe/Berlin"), at("host"));
    const guest = { rules: at("localtime"), name: at("timezone") };
    await symlink("/usr/share/zoneinfo/Etc/UTC", guest.rules);
    await writeFile(guest.name, "Etc/UTC\n");
    await provideTimeZone(await hostTimeZone(at("host")), guest);
    expect([await readFile(guest.rules), await readFile(guest.name, "utf8")]).toEqual([berlin, "Europe/Berlin\n"]);
    await provideTimeZone({ rules: tokyo.toString("base64"), name: "Asia/Tokyo" }, guest);
    expect([await readFile(guest.rules), await readFile(guest.name, "utf8")]).toEqual([tokyo, "Asia/Tokyo\n"]);
    await rm(guest.rules);
    await symlink("/etc/zoneinfo/America/Lima", guest.rules);
    await provideTimeZone(await hostTimeZone(at("host")), guest);
    expect(await readlink(guest.rules)).toBe("/etc/zoneinfo/America/Lima");
  });
});

test("a zone without a name leaves no wrong one, and no file of names is made", async () => {
  await inFolder(async (at) => {
    await writeFile(at("host"), berlin);
    const zone = await hostTimeZone(at("host"));
    expect(zone).toEqual({ rules: berlin.toString("base64") });
    const guest = { rules: at("localtime"), name: at("timezone") };
    await provideTimeZone(zone, guest);
    expect([await readFile(guest.rules), await Bun.file(guest.name).exists()]).toEqual([berlin, false]);
    await writeFile(guest.name, "Etc/UTC\n");
    await provideTimeZone(zone, guest);
    expect(await Bun.file(guest.name).exists()).toBe(false);
    await provideTimeZone(undefined, guest);
    expect(await readFile(guest.rules)).toEqual(berlin);
  });
});

test("a machine whose file is none of rules, too large or not there has no zone", async () => {
  await inFolder(async (at) => {
    await writeFile(at("text"), "Europe/Berlin\n");
    await writeFile(at("large"), Buffer.concat([berlin, Buffer.alloc(10_000)]));
    for (const name of ["text", "large", "none"]) expect(await hostTimeZone(at(name))).toBeUndefined();
  });
});
