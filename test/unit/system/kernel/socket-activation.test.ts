/** The sockets that systemd hands to a service, found by their unit's name. */
import { expect, test } from "bun:test";
import { inheritedSocket } from "../../../../src/system/kernel/socket-activation.ts";

const passed = { LISTEN_PID: `${process.pid}`, LISTEN_FDS: "2", LISTEN_FDNAMES: "qn-tmp.socket:qn-agent.socket" };

test("a socket is found by its unit, behind the three that every process has", () => {
  expect(["qn-tmp.socket", "qn-agent.socket", "other.socket"].map((unit) => inheritedSocket(unit, passed))).toEqual([
    3,
    4,
    undefined,
  ]);
});

test("sockets that are another process's, or none, are not found", () => {
  const foreign = { ...passed, LISTEN_PID: "1" };
  const fewer = { ...passed, LISTEN_FDS: "1" };
  expect([foreign, fewer, {}].map((env) => inheritedSocket("qn-agent.socket", env))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
