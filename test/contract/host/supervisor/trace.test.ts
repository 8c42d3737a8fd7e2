/** QN_TRACE with a real supervisor: its log has the frames of what was asked for, and no secret. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFile, stat } from "node:fs/promises";
import { readBootRecord } from "../../../../src/host/supervisor/boot/boot.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeVm, type FakeVm, programsMs } from "../../../support/fake-vm.ts";
import { repository, runProgram } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

/** Starts the VM with QN_TRACE, asks its Docker something with secrets in it, and gives back what was written. */
async function traceOf(vm: FakeVm, wanted: string): Promise<string> {
  await vm.up({ env: { ...vm.env, QN_TRACE: wanted } });
  const headers = { "x-registry-auth": "hunter-header", authorization: "Bearer hunter-bearer" };
  const url = "http://docker/v1.45/build?buildargs=hunter-query&t=mine";
  await fetch(url, { unix: vm.paths.dockerSocket, method: "POST", headers, body: "hunter-body" });
  return await until("the request in the trace", 20_000, async () => {
    const text = await readFile(vm.paths.logs.trace, "utf8");
    return text.includes("docker <- POST") || !wanted.includes("docker") ? text : undefined;
  });
}

test("the trace has every frame of a start, in order and with its time, and no secret", async () => {
  await using vm = await fakeVm("boots");
  const text = await traceOf(vm, "wire,qmp,docker");
  const secret = (await readBootRecord(vm.paths))?.secret ?? "";
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  const lines = text.trimEnd().split("\n");
  for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z (wire|qmp|docker) (->|<-) \S/);
  const expected = [
    'qmp <- {"QMP":',
    'qmp -> {"execute":"qmp_capabilities","id":1}',
    'qmp <- {"return":{}',
    'wire <- {"qn":1,"nonce":"[secret]"}',
    'wire -> {"nonce":"[secret]","proof":"[secret]"}',
    'wire <- {"proof":"[secret]"}',
    'wire -> {"open":"control"}',
    'wire -> {"type":"hello",',
    'wire <- {"type":"hello",',
    "docker -> GET /_ping",
    "docker <- GET /_ping: 200",
    "docker <- POST /v1.45/build?buildargs=…&t=…",
  ];
  let from = 0;
  for (const words of expected) {
    const at = lines.findIndex((line, index) => index >= from && line.includes(` ${words}`));
    expect([words, at >= 0]).toEqual([words, true]);
    from = at;
  }
  expect(text).toContain(' wire -> {"open":"docker"');
  expect([text.includes(secret), text.includes("hunter")]).toEqual([false, false]);
  // Whatever else is 256 bits long in a start is a nonce, a proof or a token; no container runs.
  expect(text).not.toMatch(/[0-9a-f]{64}/);
  expect((await stat(vm.paths.logs.trace)).mode & 0o777).toBe(0o600);
  const shown = await runProgram([process.execPath, `${repository}/src/main.ts`, "logs", "--source", "trace"], {
    env: { ...vm.env, QN_HOME: vm.layout.home },
  });
  expect([shown.exitCode, shown.stdout.startsWith(text)]).toEqual([0, true]);
});

test("only what is asked for is traced, and a supervisor that is asked for nothing writes no file", async () => {
  await using vm = await fakeVm("boots");
  const text = await traceOf(vm, "qmp");
  expect(text).toContain(" qmp -> ");
  expect(text).not.toMatch(/ (wire|docker) /);
  await takeDown(vm.paths, { force: true });
  await using other = await fakeVm("boots");
  await other.up({ env: { ...other.env, QN_TRACE: "" } });
  expect((await other.files()).filter((path) => path.endsWith(".log") || path.includes("trace"))).toEqual([
    "default/qemu.log",
    "default/serial.log",
    "default/supervisor.log",
  ]);
});

test("a start that is to trace what nobody knows is refused before anything is made", async () => {
  await using vm = await fakeVm("boots");
  const { code, message } = await failureOf(() => vm.up({ env: { ...vm.env, QN_TRACE: "wire,wires" } }));
  expect([code, message, await vm.files()]).toEqual([
    "CONFIG_INVALID",
    'QN_TRACE names "wires"; what can be traced is wire, qmp, docker.',
    [],
  ]);
});
