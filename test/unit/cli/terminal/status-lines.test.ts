/** A VM's status as a person reads it. */
import { expect, test } from "bun:test";
import { statusLines } from "../../../../src/cli/terminal/status-lines.ts";
import type { Status } from "../../../../src/host/supervisor/messages.ts";

const running: Status = {
  name: "web",
  state: "running",
  reason: null,
  phase: null,
  arch: "x86_64",
  accel: "kvm",
  cpus: 4,
  memoryMiB: 4096,
  memory: { usedBytes: 350 * 1024 ** 2, residentBytes: 1.5 * 1024 ** 3 },
  image: "debian",
  docker: { socket: "/h/web/docker.sock", context: null, reachable: true },
  ssh: { host: "127.0.0.1", port: 40_022, user: "ann", identityFile: "/h/web/id_ed25519" },
  ports: [
    {
      protocol: "tcp",
      hostIp: "127.0.0.1",
      hostPort: 8080,
      container: "web",
      source: "docker",
      guestPort: null,
      refusal: null,
      state: "open",
      connections: 0,
      bytes: 0,
      error: null,
    },
  ],
  mounts: [
    { path: "/home/ann", readOnly: false },
    { path: "/opt", readOnly: true },
  ],
  qemu: { pid: 4711, version: "7.2.22" },
  supervisor: { pid: 4710 },
  uptimeMs: 125_000,
};

const stopped: Status = {
  ...running,
  state: "stopped",
  accel: null,
  cpus: 1,
  memory: { usedBytes: null, residentBytes: null },
  docker: { ...running.docker, reachable: false },
  ssh: { ...running.ssh, port: null },
  ports: [],
  mounts: [],
  qemu: { pid: null, version: null },
  supervisor: { pid: null },
  uptimeMs: 0,
};

test("a VM that runs shows everything", () => {
  expect(statusLines(running)).toEqual([
    "state   running",
    "guest   x86_64, 4 CPUs, 4096 MiB, image debian",
    "memory  350 MiB used in the guest, 1.5 GiB of this machine's taken",
    "accel   kvm",
    "docker  unix:///h/web/docker.sock",
    "ssh     ann@127.0.0.1 port 40022, or: qn ssh web",
    "ports   1 forward, see: qn ports",
    "mounts  /home/ann, /opt (read-only)",
    "qemu    7.2.22, pid 4711",
    "up for  2 min 5 s",
  ]);
});

test("a VM that is stopped leaves out what it has not", () => {
  expect(statusLines(stopped)).toEqual([
    "state   stopped",
    "guest   x86_64, 1 CPU, 4096 MiB, image debian",
    "docker  unix:///h/web/docker.sock (does not answer)",
  ]);
});

test("a VM that starts says how far it is, one that was taken over shows QEMU without its process", () => {
  const starting: Status = { ...stopped, state: "starting", phase: "agent", qemu: { pid: null, version: "7.2.22" } };
  expect(statusLines(starting)).toEqual([
    "state   starting (agent)",
    "guest   x86_64, 1 CPU, 4096 MiB, image debian",
    "docker  unix:///h/web/docker.sock (does not answer)",
    "qemu    7.2.22",
  ]);
});

test("a VM that failed says why", () => {
  expect(statusLines({ ...stopped, state: "failed", reason: "QEMU ended with status 1." }).slice(0, 2)).toEqual([
    "state   failed",
    "reason  QEMU ended with status 1.",
  ]);
});
