/** What `qn container` sends to the guest, and what it reads of the answer. */
import { expect, test } from "bun:test";
import { containerCommand, parseContainers } from "../../../../../src/host/nixos/machines/machines-script.ts";
import { layoutOf } from "../../../../../src/host/layout.ts";

const paths = layoutOf("/home/ann/.qn").vm("web");

test("containers are read with their state and all of their addresses", () => {
  expect(parseContainers("site\trunning\t10.231.0.2,fe80::1\nshop\tstopped\t\n")).toEqual([
    { name: "site", state: "running", addresses: ["10.231.0.2", "fe80::1"] },
    { name: "shop", state: "stopped", addresses: [] },
  ]);
  expect(parseContainers("")).toEqual([]);
});

test("a command reaches the container as it was given, as root, with a terminal only where there is one", () => {
  const command = containerCommand(paths, "shell", ["site", "echo", "it's $HOME"], true);
  expect(command.slice(0, -1)).toEqual(["ssh", "-F", paths.sshConfig, "-t", "root@qn-web"]);
  expect(command.at(-1)).toEndWith(` 'sh' 'shell' 'site' 'echo' 'it'\\''s $HOME'`);
  expect(containerCommand(paths, "logs", ["site"])).toContain("-T");
});

test("what cannot be the name of a machine never gets to the guest", () => {
  for (const name of ["", "-f", "../site", "a b", "x".repeat(65)]) {
    expect(() => containerCommand(paths, "start", [name])).toThrow("cannot be the name of a container");
  }
});
