/**
 * Sockets of the host where containers mount them, with real mounts and the whole agent. There is no host to bring a
 * client on: it is hung up on by the agent, where it would hear "host" from what the agent has not covered.
 */
import { expect, test } from "bun:test";
import { inNamespace, mayMount } from "../../../support/namespace.ts";

const real = test.skipIf(!mayMount);
const allow = '{"Allow":true}';

real("a socket of the settings is the agent's once a container mounts it, or a folder that it lies in", async () => {
  const outcomes = await inNamespace([
    { sh: "mkdir -p $host/deep" },
    { socket: "/deep/s.sock" },
    { socket: "/deep/other.sock" },
    { socket: "/direct.sock" },
    { create: ["/direct.sock:/x"] },
    { connect: "$guest/direct.sock" },
    { create: ["/deep:/x"] },
    { connect: "$guest/deep/s.sock" },
    { connect: "$guest/deep/other.sock" },
    { sh: "grep -c qn-sockets /proc/self/mountinfo" },
    { create: ["/deep/s.sock:/x", "/direct.sock:/y"] },
    { sh: "grep -c qn-sockets /proc/self/mountinfo; stat -c %F:%a $guest/deep/s.sock" },
  ]);
  expect(outcomes).toEqual(["", "", "", "", allow, "", allow, "", "host", "5", allow, "5\nsocket:666"]);
});

real("a link in the place of a socket, or of its folder, has nothing mounted where it leads", async () => {
  const outcomes = await inNamespace([
    { sh: "mkdir $host/deep $host/elsewhere" },
    { socket: "/elsewhere/s.sock" },
    { socket: "/other.sock" },
    { sh: "rmdir $host/deep; ln -s elsewhere $host/deep; ln -s other.sock $host/direct.sock" },
    { create: ["/deep/s.sock:/x"] },
    { create: ["/direct.sock:/x"] },
    { sh: "grep -c $guest.*qn-sockets /proc/self/mountinfo" },
  ]);
  expect([outcomes[4], outcomes[5], outcomes[6]]).toEqual([
    expect.stringContaining("deep"),
    expect.stringContaining("is no socket on the host now"),
    "0 status 1",
  ]);
});

real("one in a folder that the guest has by another name is there once, however often it is asked for", async () => {
  const outcomes = await inNamespace([
    { create: ["/any:/x"] },
    { create: ["/any:/x"] },
    { connect: "/run/outside/o.sock" },
    { sh: "grep -c outside /proc/self/mountinfo" },
  ]);
  expect(outcomes).toEqual([allow, allow, "", "1"]);
});

real("the ssh agent has Docker Desktop's path, and is there before anything is mounted", async () => {
  const outcomes = await inNamespace([
    { connect: "/run/host-services/ssh-auth.sock" },
    { create: [] },
    { connect: "/run/host-services/ssh-auth.sock" },
    { sh: "stat -c %a /run/host-services /run/qn/sockets" },
  ]);
  expect(outcomes.map((outcome) => outcome.slice(0, 40))).toEqual(["", allow, "", "755\n700"]);
});

real("a socket of the settings that the host does not have is no folder that Docker makes", async () => {
  const why = "files.sockets names it: start what listens there first.";
  const outcomes = await inNamespace([
    { create: ["/direct.sock:/x"] },
    { create: ["/deep/s.sock:/x"] },
    { sh: "ls -A $host $guest | grep -v of-always" },
  ]);
  expect(outcomes.slice(0, 2)).toEqual([
    expect.stringContaining(`\\"/guest/direct.sock\\" is no socket on the host now. ${why}`),
    expect.stringContaining(`\\"/guest/deep/s.sock\\" is no socket on the host now. ${why}`),
  ]);
  expect(outcomes[2]).not.toContain("sock");
});
