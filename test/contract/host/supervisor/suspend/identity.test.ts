/** What a guest was told at boot, as a saved state is recognised by it: what changes with who starts it is left out. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { toldIdentity } from "../../../../../src/host/supervisor/suspend/identity.ts";
import type { Boot } from "../../../../../src/protocol/messages.ts";
import { testBoot } from "../../../../support/boot.ts";
import { newFolder } from "../../../../support/folder.ts";

test("another login's proxy, time zone and ssh agent are the same guest, another socket of the settings is not", async () => {
  await using folder = await newFolder();
  const identityOf = async (changes: Partial<Boot>): Promise<string> => {
    const file = join(folder.path, "credential");
    const text = Buffer.from(JSON.stringify(testBoot(changes))).toString("base64");
    await Bun.write(file, `io.systemd.credential.binary:qn.boot=${text}`);
    return await toldIdentity(file);
  };
  const agent = (path: string) => ({ name: "ssh-agent", paths: ["/run/host-services/ssh-auth.sock", path] });
  const named = { name: "/s", paths: ["/s"] };
  const none = await identityOf({});
  expect(await identityOf({ proxy: { no_proxy: "x" }, timeZone: { rules: "VFppZg==" } })).toBe(none);
  expect(await identityOf({ sockets: [agent("/tmp/ssh-a/agent.1")] })).toBe(none);
  const one = await identityOf({ sockets: [agent("/tmp/ssh-a/agent.1"), named] });
  expect(await identityOf({ sockets: [agent("/tmp/ssh-b/agent.2"), named] })).toBe(one);
  expect(await identityOf({ sockets: [named] })).toBe(one);
  expect(one).not.toBe(none);
  expect(await identityOf({ listen: true })).not.toBe(none);
});
