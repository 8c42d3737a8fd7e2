/** Which ports an ordinary user may listen on, by the kernel's own files, and what is said of the others. */
import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingRights } from "../../../src/host/ports/rights.ts";
import { firstOwnPort } from "../../../src/system/low-ports.ts";

test("low ports are for whoever has the right, as the kernel is set, and nobody is kept from them on macOS", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const files = { first: join(folder, "first"), self: join(folder, "self") };
  const withSetting = async (first: string, capabilities: string): Promise<number> => {
    await writeFile(files.first, first);
    await writeFile(files.self, `Name:\tqn\nCapPrm:\tffffffffffffffff\nCapEff:\t${capabilities}\n`);
    return await firstOwnPort("linux", files);
  };
  const none = "0000000000000000";
  expect(await withSetting("1024\n", none)).toBe(1024);
  expect(await withSetting("80\n", none)).toBe(80);
  // As in Docker's containers.
  expect(await withSetting("0\n", none)).toBe(1);
  expect(await withSetting("1024\n", "0000000000000400")).toBe(1);
  expect(await withSetting("1024\n", "000001ffffffffff")).toBe(1);
  await rm(folder, { recursive: true });
  expect([await firstOwnPort("linux", files), await firstOwnPort("darwin", files)]).toEqual([1024, 1]);
});

test("what keeps a user from a port names the command that lets everybody have it", async () => {
  const first = Promise.resolve(1024);
  expect(await missingRights(1024, first)).toBeUndefined();
  expect(await missingRights(80, first)).toBe(
    "Users of this machine may listen on ports from 1024 on. `sudo sysctl net.ipv4.ip_unprivileged_port_start=80` changes that at once, and `echo net.ipv4.ip_unprivileged_port_start=80 | sudo tee /etc/sysctl.d/60-ports.conf` for later starts of the machine.",
  );
});
