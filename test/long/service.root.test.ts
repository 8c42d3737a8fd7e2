/** `qn service` with a real VM in the hands of a real user manager, on a machine that loses its power. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { newFolder } from "../support/folder.ts";
import { processesLeft } from "../support/processes.ts";
import { besideManager, mayManage } from "../support/systemd.ts";
import { unbornVm, type Vm } from "../support/vm.ts";

const program = join(import.meta.dir, "../support/inside/service-days.ts");

/** What the program says of a day beside a manager that is new, as at each login; all of its processes are killed then. */
async function day(vm: Vm, home: string, name: "first" | "second" | "third"): Promise<unknown> {
  const given = Object.entries({ ...vm.env, PATH: `${vm.env["PATH"]}:/usr/sbin` }).map(
    ([key, value]) => `${key}='${value}'`,
  );
  const said = await besideManager(home, `exec env ${given.join(" ")} '${process.execPath}' '${program}' ${name}`);
  return JSON.parse(said.trim().split("\n").at(-1) ?? "");
}

test.skipIf(!mayManage)(
  "a VM with a service outlives its supervisors, is there again at the login after a power cut, asleep if it was, and stays down after down",
  async () => {
    await using home = await newFolder();
    await using vm = await unbornVm();
    const unit = expect.stringMatching(/\/\.config\/systemd\/user\/qn-default\.[0-9a-f]{8}\.service$/);
    const service = { schema: 1, manager: "systemd", file: unit, installed: true };
    expect(await day(vm, home.path, "first")).toEqual({
      install: expect.stringContaining('VM "default" starts at login: '),
      "standing by": { ...service, active: true },
      "taken over": [true, true],
      "started again": [true, "1"],
    });
    expect(await processesLeft(vm.home)).toEqual([]);
    expect(["stopped", "failed"]).toContain((await vm.status()).state);
    expect(await day(vm, home.path, "second")).toEqual({
      "at login": [true, { ...service, active: true }],
      volumes: "kept",
    });
    expect(await processesLeft(vm.home)).toEqual([]);
    expect(await day(vm, home.path, "third")).toEqual({
      asleep: [true, null],
      networks: expect.stringMatching(/^[0-9a-f]{12}$/),
      awake: true,
      log: [],
      "after down": ["success", { ...service, active: false }, "stopped"],
      uninstall: expect.stringContaining('VM "default" does not start at login any more.'),
      "units left": [],
    });
  },
  900_000,
);
