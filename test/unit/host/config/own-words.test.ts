/** Settings in Docker's and QEMU's own words, which must not take away what qn itself says. */
import { expect, test } from "bun:test";
import { loadConfig } from "../../../../src/host/config/load.ts";
import { failureOf } from "../../../support/failures.ts";

const host = { arch: "x86_64", cpus: 8, memoryMiB: 16_384, homeFolder: "/home/ann", os: "linux" } as const;

test("what qn itself says to Docker and to QEMU cannot be said otherwise", async () => {
  const file = [
    "docker: { daemon: { hosts: [tcp://0.0.0.0], data-root: /x, dns: [1.1.1.1] } }",
    "qemu: { machine: { pflash0: x }, args: [-qmp, --monitor, 'mon:stdio', -s, -device, ''] }",
  ].join("\n");
  expect(
    (await failureOf(() => loadConfig({ host, files: [{ path: "/c.yaml", text: file }], env: {}, flags: {} }))).details,
  ).toEqual([
    'docker.daemon.hosts is qn\'s own and cannot be set, got "hosts" (/c.yaml)',
    'docker.daemon.data-root is qn\'s own and cannot be set, got "data-root" (/c.yaml)',
    'qemu.machine.pflash0 is qn\'s own and cannot be set, got "pflash0" (/c.yaml)',
    'qemu.args.0 is refused: only the supervisor controls QEMU, got "-qmp" (/c.yaml)',
    'qemu.args.1 is refused: only the supervisor controls QEMU, got "--monitor" (/c.yaml)',
    'qemu.args.2 is refused: only the supervisor controls QEMU, got "mon:stdio" (/c.yaml)',
    'qemu.args.3 is refused: only the supervisor controls QEMU, got "-s" (/c.yaml)',
    'qemu.args.5 must not be empty, got "" (/c.yaml)',
  ]);
});
