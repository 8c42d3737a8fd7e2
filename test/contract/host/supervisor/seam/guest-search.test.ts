/** What the guest is told of how this machine completes names: at once, and again when the file is another one. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestSearch } from "../../../../../src/host/supervisor/seam/guest-search.ts";
import type { HostMessage } from "../../../../../src/protocol/messages.ts";
import { pause } from "../../../../../src/system/clock.ts";
import { until } from "../../../../support/until.ts";

/** A resolv.conf that is a link into another program's folder, as systemd-resolved and resolvconf make it, or none. */
async function scene(isLink: boolean) {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  await mkdir(join(folder, "run"));
  const real = join(folder, isLink ? "run" : "", "resolv.conf");
  const path = join(folder, "resolv.conf");
  const write = async (text: string): Promise<void> => {
    await writeFile(`${real}.new`, text);
    await rename(`${real}.new`, real);
  };
  await write("search one.test\noptions ndots:2\n");
  if (isLink) await symlink("run/resolv.conf", path);
  const told: HostMessage[] = [];
  const link = { tell: (message: HostMessage) => void told.push(message) };
  const logged: string[] = [];
  const search = new GuestSearch(
    path,
    () => link,
    (text) => logged.push(text),
  );
  return {
    search,
    told,
    logged,
    write,
    path,
    async [Symbol.asyncDispose]() {
      search.close();
      await rm(folder, { recursive: true });
    },
  };
}

for (const isLink of [false, true]) {
  test(`a guest is told at each link and after each change${isLink ? ", where resolv.conf is a link too" : ""}`, async () => {
    await using it = await scene(isLink);
    const last = async (search: string): Promise<HostMessage | undefined> =>
      await until(`the word of ${search}`, 10_000, async () => {
        const message = it.told.at(-1);
        return message?.type === "names" && message.search.join(" ") === search ? message : undefined;
      });
    it.search.tell();
    expect(await last("one.test")).toEqual({ type: "names", search: ["one.test"], options: ["ndots:2"] });
    await it.write("search two.test lan\n");
    expect(await last("two.test lan")).toEqual({ type: "names", search: ["two.test", "lan"], options: [] });
    // The second change is seen as well: the watch is that of the file that is there now.
    await it.write("nameserver 192.0.2.1\n");
    expect(await last("")).toEqual({ type: "names", search: [], options: [] });
    expect(it.logged).toEqual([]);
  });
}

test("a machine without a resolv.conf completes nothing, and a closed watch says nothing more", async () => {
  await using it = await scene(false);
  await rm(it.path);
  it.search.tell();
  await until("the first word", 10_000, async () => (it.told.length > 0 ? true : undefined));
  expect(it.told.at(-1)).toEqual({ type: "names", search: [], options: [] });
  it.search.close();
  const said = it.told.length;
  await it.write("search one.test\n");
  it.search.tell();
  await pause(50);
  expect(it.told).toHaveLength(said);
});
