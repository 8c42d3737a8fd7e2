/** What may come next on a command line, from the real command tree. */
import { expect, test } from "bun:test";
import { commands, root } from "../../../../src/cli/commands.ts";
import { candidates } from "../../../../src/cli/completion/candidates.ts";

const names = {
  vms: async () => ["default", "web"],
  images: async () => ["debian"],
  settings: async () => ["cpus", "files.tmp", "ports.bind"].map((path) => ({ path, help: "" })),
};

async function next(...words: string[]): Promise<string[]> {
  return (await candidates(root, words, names)).map(({ word }) => word);
}

test("at first come the commands that `qn --help` shows, in its order", async () => {
  const hidden = ["agent", "complete", "supervise", "virtiofs"];
  expect(await next("")).toEqual(Object.keys(commands).filter((name) => !hidden.includes(name)));
  expect([await next("de"), await next("image", ""), await next("nonsense", "")]).toEqual([
    ["delete", "deploy"],
    ["build", "pull", "ls", "import", "rm", "prune", "rollback"],
    [],
  ]);
});

test("a VM's name comes once, wherever flags stand", async () => {
  expect(await next("down", "")).toEqual(["default", "web"]);
  expect(await next("down", "--force", "")).toEqual(["default", "web"]);
  expect(await next("up", "--cpus", "2", "w")).toEqual(["web"]);
  expect(await next("up", "-m", "8G", "w")).toEqual(["web"]);
  expect([await next("down", "web", ""), await next("clone", "w"), await next("clone", "web", "")]).toEqual([
    [],
    ["web"],
    [],
  ]);
});

test("a flag that takes a value is followed by its values, or by nothing", async () => {
  expect(await next("up", "--accel", "")).toEqual(["auto", "kvm", "hvf", "tcg"]);
  expect(await next("up", "--image", "")).toEqual(["debian"]);
  expect([await next("up", "--cpus", ""), await next("up", "--mount", "")]).toEqual([[], []]);
});

test("flags come when a hyphen is typed, those of every command too", async () => {
  expect(await next("status", "--")).toEqual(["--json", "--help", "--quiet", "--verbose"]);
  expect(await next("ssh", "web", "--", "")).toEqual([]);
});

test("settings come where any number of them may stand, with what follows, and VMs before the first", async () => {
  expect(await next("config", "set", "")).toEqual(["default", "web", "cpus=", "files.tmp=", "ports.bind="]);
  expect(await next("config", "set", "--all", "f")).toEqual(["files.tmp="]);
  expect(await next("config", "set", "web", "cpus=2", "p")).toEqual(["ports.bind="]);
  expect([await next("config", "get", "web", "c"), await next("config", "unset", "f")]).toEqual([
    ["cpus"],
    ["files.tmp"],
  ]);
  // As bash has `cpus=`, and what is behind it.
  expect([await next("config", "set", "cpus", "="), await next("config", "set", "cpus", "=", "")]).toEqual([[], []]);
});
