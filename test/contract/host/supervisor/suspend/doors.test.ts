/** What stays open of a VM that is asleep: sshd's port, and all of it where a service finds it asleep. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { takeDown } from "../../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../../src/host/lifecycle/status.ts";
import { LineReader } from "../../../../../src/protocol/frame.ts";
import { connect, type Connection } from "../../../../../src/system/net/connection.ts";
import { linesOf } from "../../../../../src/system/net/lines.ts";
import { linesWith, programsMs, stateOf } from "../../../../support/fake-vm.ts";
import { becomes, containers, hasEnded, sleepingVm, sleeps } from "../../../../support/idle-vm.ts";
import { repository } from "../../../../support/program.ts";
import { until } from "../../../../support/until.ts";

setDefaultTimeout(programsMs);

test("ssh's port is held while it is asleep, and whoever connects there wakes it and speaks with sshd", async () => {
  await using vm = await sleepingVm();
  const { ssh } = await statusOfVm(vm.paths, vm.env);
  const client = await connect({ hostname: "127.0.0.1", port: ssh.port ?? 0 });
  const lines = linesOf(client, new LineReader());
  expect(await lines.next()).toBe("SSH-2.0-fake\r");
  // A connection that stays is use, by whatever way it came.
  await Bun.sleep(2_500);
  expect([(await stateOf(vm)).state, await sleeps(vm)]).toEqual(["running", 1]);
  client.end();
  await becomes(vm, "asleep");
});

test("nobody who connects to ssh's port is refused while its QEMU ends and another one begins", async () => {
  await using vm = await sleepingVm();
  const { ssh } = await statusOfVm(vm.paths, vm.env);
  const words = new Set<unknown>();
  for (let round = 1; round <= 3; round += 1) {
    // In the first round it is asleep; then it falls asleep, and its QEMU ends while they come.
    if (round > 1)
      await until("a save", 60_000, async () => ((await stateOf(vm)).state === "running" ? undefined : true));
    const starts = async (): Promise<number> => (await linesWith(vm.paths.logs.supervisor, "-> running")).length;
    const before = await starts();
    const served: { readonly client: Connection; readonly word: Promise<unknown> }[] = [];
    do {
      const client = await connect({ hostname: "127.0.0.1", port: ssh.port ?? 0 }).catch(String);
      if (typeof client === "string") words.add(client);
      // Some stay for sshd's word, all others only knock.
      else if (served.length < 20)
        served.push({ client, word: linesOf(client, new LineReader()).next().catch(String) });
      else client.reset();
    } while ((await starts()) === before);
    for (const { client, word } of served) {
      words.add(await word);
      client.reset();
    }
  }
  expect([...words]).toEqual(["SSH-2.0-fake\r"]);
});

test("a VM that was asleep when its service ended sleeps on when that starts, and whoever comes wakes it", async () => {
  await using vm = await sleepingVm();
  process.kill((await statusOfVm(vm.paths, vm.env)).supervisor.pid ?? 0, "SIGTERM");
  await hasEnded(vm);
  expect(await stateOf(vm)).toEqual({ state: "suspended", reason: null });
  const command = [process.execPath, join(repository, "src/main.ts"), "supervise", "default", "--service"];
  const env = { ...vm.env, QN_HOME: vm.layout.home };
  const service = Bun.spawn(command, { env, stdio: ["ignore", "ignore", "ignore"] });
  await becomes(vm, "asleep");
  const { ssh, qemu } = await statusOfVm(vm.paths, vm.env);
  expect([qemu.pid, existsSync(vm.paths.suspended)]).toEqual([null, true]);
  expect(await linesWith(vm.paths.logs.supervisor, "starting (image) -> asleep")).toHaveLength(1);
  const client = await connect({ hostname: "127.0.0.1", port: ssh.port ?? 0 });
  expect(await linesOf(client, new LineReader()).next()).toBe("SSH-2.0-fake\r");
  client.reset();
  expect(await containers(vm)).toEqual([]);
  expect(await takeDown(vm.paths, { force: false, env: vm.env })).toBe("stopped");
  expect(await service.exited).toBe(0);
});
