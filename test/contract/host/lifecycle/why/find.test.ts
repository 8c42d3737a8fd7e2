/** What `qn why` and `qn mounts` find out: with a VM that runs, one that is broken, and none at all. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { layoutOf } from "../../../../../src/host/layout.ts";
import { portFacts } from "../../../../../src/host/lifecycle/why/find.ts";
import { statusOfVm } from "../../../../../src/host/lifecycle/status.ts";
import { explainPort } from "../../../../../src/host/lifecycle/why/explain.ts";
import { readBootRecord } from "../../../../../src/host/supervisor/boot/boot.ts";
import { freePort } from "../../../../support/datagrams.ts";
import { fakeVm, programsMs } from "../../../../support/fake-vm.ts";
import { tempHome } from "../../../../support/temp-home.ts";

setDefaultTimeout(programsMs);

test("the gate of a VM that runs is its own way in, held by its QEMU; a broken VM beside it is a note", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const broken = vm.layout.vm("broken");
  await mkdir(broken.folder);
  await writeFile(broken.config, "cpus: many\n");
  const { gatePort = 0 } = (await readBootRecord(vm.paths)) ?? {};
  const { qemu } = await statusOfVm(vm.paths, vm.env);
  const facts = await portFacts(vm.layout, { port: gatePort, protocol: undefined }, vm.env);
  expect(explainPort(facts)).toEqual({
    reasons: [
      {
        rule: "qn",
        text: `QEMU of the VM "default" (pid ${qemu.pid}) holds port ${gatePort}/tcp on 127.0.0.1: it is the VM's own way in, the link to its agent.`,
      },
    ],
    notes: ['The VM "broken" could not be asked: A setting is wrong.'],
  });
});

test("what a VM's settings deny is told while it is stopped, with the slot that its Docker has", async () => {
  await using home = await tempHome({ images: false });
  const layout = layoutOf(home.path);
  const { folder, config, portRange } = layout.vm("web");
  await mkdir(folder);
  await writeFile(config, "ports: { deny: [6000-6063] }\n");
  await writeFile(portRange, JSON.stringify({ first: 6063, last: 7000 }));
  const rules = async (port: number): Promise<string[]> => {
    const { reasons } = explainPort(await portFacts(layout, { port, protocol: "sctp" }, {}));
    return reasons.map(({ rule }) => rule);
  };
  expect([await rules(6062), await rules(6063), await rules(6064), await rules(7001)]).toEqual([
    ["none", "ports.deny"],
    ["none", "ports.deny", "slot"],
    ["none", "slot"],
    ["none"],
  ]);
});

test("without any VM, or without a QN_HOME, a port is explained by its holder alone", async () => {
  await using home = await tempHome({ images: false });
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  for (const path of [home.path, `${home.path}/none`]) {
    const facts = await portFacts(layoutOf(path), { port: server.port, protocol: "tcp" }, {});
    expect(explainPort(facts)).toEqual({
      reasons: [{ rule: "other", text: `bun (pid ${process.pid}) holds port ${server.port}/tcp on 127.0.0.1.` }],
      notes: [],
    });
  }
  server.stop(true);
  const free = await freePort();
  const { reasons } = explainPort(await portFacts(layoutOf(home.path), { port: free, protocol: undefined }, {}));
  expect(reasons.map(({ rule }) => rule)).toEqual(["none"]);
});
