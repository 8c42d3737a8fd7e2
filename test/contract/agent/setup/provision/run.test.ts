/** The commands of the setting provision: run as they would be in the guest, and what the host is told of them. */
import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { provision } from "../../../../../src/agent/setup/provision/run.ts";
import { readSteps } from "../../../../../src/agent/setup/provision/steps.ts";
import { watchProvision } from "../../../../../src/agent/setup/provision/report-progress.ts";
import type { Boot, ProvisionStep } from "../../../../../src/protocol/messages.ts";
import { newFolder } from "../../../../support/folder.ts";
import { until } from "../../../../support/until.ts";

const boot: Boot = {
  secret: "0f".repeat(32),
  vm: "web",
  hostPorts: [],
  sshHostKey: "",
  user: { name: "ann", uid: 1000, gid: 100, sshKeys: [] },
  shares: [],
  home: "/h",
  dockerSocket: "/h/web/docker.sock",
  listen: false,
  proxy: {},
};

type Commands = NonNullable<Boot["provision"]>;

async function guest() {
  const folder = await newFolder();
  const places = { folder: join(folder.path, "provision"), marks: join(folder.path, "marks") };
  await mkdir(places.folder, { mode: 0o700 });
  return {
    ...places,
    path: folder.path,
    boots: (commands: Commands) => provision({ ...boot, provision: commands }, places),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test("commands run in their order, in a shell that stops at the first mistake, and one that fails keeps no other from it", async () => {
  await using at = await guest();
  await at.boots([
    { run: `echo "one $QN_VM $QN_USER $HOME"\npwd`, when: "boot" },
    { run: "echo before >&2; false; echo after", when: "boot" },
    { run: `#!/usr/bin/env -S awk -f\nBEGIN { print "awk"; exit 7 }`, when: "boot" },
    { run: `printf '\\033[31mred\\033[0m\\n\\n'`, when: "boot" },
    { run: "#!/nowhere/interpreter", when: "boot" },
  ]);
  const steps = await readSteps(at.folder);
  expect(steps.slice(0, 4)).toEqual([
    { state: "done", status: 0, last: "/" },
    { state: "failed", status: 1, last: "before" },
    { state: "failed", status: 7, last: "awk" },
    { state: "done", status: 0, last: "red" },
  ]);
  expect(steps[4]).toMatchObject({ state: "failed", status: 126 });
  expect(await readFile(join(at.folder, "1.log"), "utf8")).toBe("one web ann /root\n/\n");
  const modes = await Promise.all(
    (await readdir(at.folder)).map(async (name) => (await stat(join(at.folder, name))).mode & 0o077),
  );
  expect(new Set(modes)).toEqual(new Set([0]));
});

test("a command for once runs again only when it failed or has changed, and on another system disk", async () => {
  await using at = await guest();
  const count = join(at.path, "count");
  const once = (run: string): Commands => [{ run, when: "once" }];
  await at.boots(once(`echo x >> ${count}; false`));
  await at.boots(once(`echo x >> ${count}; [ "$(wc -l < ${count})" -ge 2 ]`));
  await at.boots(once(`echo x >> ${count}; [ "$(wc -l < ${count})" -ge 2 ]`));
  expect([await readFile(count, "utf8"), await readSteps(at.folder)]).toEqual(["x\nx\n", [{ state: "skipped" }]]);
  await at.boots(once(`echo other >> ${count}`));
  expect(await readFile(count, "utf8")).toBe("x\nx\nother\n");
});

test("the host hears of each step when it begins and ends, and of every line", async () => {
  await using at = await guest();
  const seen: string[] = [];
  const lines: string[] = [];
  const words = (steps: readonly ProvisionStep[]): string => steps.map(({ state }) => state).join(" ");
  const watcher = await watchProvision(
    {
      onSteps: (steps) => {
        if (seen.at(-1) !== words(steps)) seen.push(words(steps));
      },
      onLine: (line) => lines.push(line),
    },
    at.folder,
  );
  const wait = (name: string): string => `while [ ! -e ${join(at.path, name)} ]; do sleep 0.02; done`;
  const running = at.boots([
    { run: `echo first; echo second; ${wait("go")}`, when: "boot" },
    { run: wait("end"), when: "boot" },
  ]);
  await until("the first", 10_000, async () => (seen.includes("running waiting") ? true : undefined));
  await Bun.write(join(at.path, "go"), "");
  await until("the second", 10_000, async () => (seen.includes("done running") ? true : undefined));
  await Bun.write(join(at.path, "end"), "");
  await running;
  await until("the end", 10_000, async () => (seen.includes("done done") ? true : undefined));
  watcher.close();
  expect([seen, lines]).toEqual([
    ["running waiting", "done running", "done done"],
    ["provision 1: first", "provision 1: second"],
  ]);
});

test("a guest that has nothing to run watches nothing", async () => {
  await using folder = await newFolder();
  const nobody = (): never => {
    throw new Error("Nobody should be told.");
  };
  (await watchProvision({ onSteps: nobody, onLine: nobody }, join(folder.path, "nothing"))).close();
});
