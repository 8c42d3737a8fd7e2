/** Sockets that programs of this machine listen on, in containers that mount them: ssh agents, asked by ssh-add. */
import { expect } from "bun:test";
import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { connect, listen, type Listener } from "../../../src/system/net/connection.ts";
import { runProgram } from "../../support/program.ts";
import { startAgents, withSsh } from "../../support/ssh-agents.ts";
import { runPlain, type Vm, type VmTest } from "../../support/vm.ts";
import { until } from "../../support/until.ts";
import type { Server } from "./where.ts";

/** The sockets that the VM's settings name, and one that they do not. */
export const socketNames = (vm: Pick<Vm, "inHome" | "inTmp">) => ({
  agent: join(vm.inTmp, "agent.sock"),
  named: join(vm.inHome, "sockets/named.sock"),
  other: join(vm.inHome, "sockets/other.sock"),
});

/** What containers reach, and what they do not. */
export function socketTests(test: VmTest, server: Server): void {
  test("ssh agents that the settings name answer in containers, for every user, and no other does", async (vm) => {
    const { agent, named, other } = socketNames(vm);
    await mkdir(dirname(named), { recursive: true });
    await using agents = await startAgents(vm, [agent, named]);
    const strangers: string[] = [];
    using _server = serving(other, () => strangers.push("somebody"));
    await chmod(other, 0o777);
    const paths = ["/run/host-services/ssh-auth.sock", "/agent.sock", "/mnt/named.sock", "/mnt/other.sock"];
    const script = `for path in ${paths.join(" ")}; do SSH_AUTH_SOCK=$path ssh-add -l 2>&1; done; true`;
    const volumes = [`${paths[0]}:${paths[0]}`, `${agent}:/agent.sock`, `${dirname(named)}:/mnt`];
    const said = await vm.docker(
      ...runPlain,
      "--rm",
      "--user",
      "1234",
      "--env",
      "PATH=/usr/bin",
      ...withSsh,
      ...volumes.flatMap((volume) => ["--volume", volume]),
      "busybox",
      "/bin/sh",
      "-c",
      script,
    );
    const known = expect.stringContaining("key of the test");
    expect(said.split("\n")).toEqual([known, known, known, expect.stringContaining("Connection refused")]);
    expect([strangers, agents.names]).toEqual([[], [agent, named]]);
    // A container that mounts the other one by itself is told of on this machine.
    await vm.docker("create", "--volume", `${other}:/x`, "busybox", "true");
    await until(
      "the warning of the other socket",
      10_000,
      async () =>
        (await vm.qn("logs", "--source", "supervisor")).includes(`A container mounts ${other}, a socket.`) || undefined,
    );
  });

  if (server === "virtiofs") return containersSocketTests(test);
  test("a socket that a container makes in a mount of 9p does not answer on this machine", async (vm) => {
    const folder = join(vm.inHome, "made");
    await mkdir(folder);
    const path = join(folder, "made.sock");
    const script = "ssh-agent -a /mnt/made.sock >/tmp/said 2>&1; [ ! -e /mnt/made.sock ] || test -S /mnt/made.sock";
    const made = ["--volume", `${folder}:/mnt`, "--env", "PATH=/usr/bin", ...withSsh];
    await vm.docker(...runPlain, "--rm", "--tmpfs", "/tmp", ...made, "busybox", "/bin/sh", "-c", script);
    expect(await connect({ unix: path }).catch(() => "nobody")).toBe("nobody");
  });
}

/** What programs of this machine reach of a container's sockets, where virtiofs serves mounts. */
export function containersSocketTests(test: VmTest): void {
  test("a socket that a container makes in a mount answers on this machine, and one in /tmp does not", async (vm) => {
    const [home, tmp] = [join(vm.inHome, "made"), join(vm.inTmp, "made")];
    for (const folder of [home, tmp]) await mkdir(folder);
    const script = "ssh-agent -a /in-tmp/made.sock >/dev/null; exec ssh-agent -D -a /in-home/made.sock >/dev/null";
    const volumes = ["--volume", `${home}:/in-home`, "--volume", `${tmp}:/in-tmp`, "--env", "PATH=/usr/bin:/bin"];
    const made = [
      ...runPlain,
      "--detach",
      "--name",
      "maker",
      ...volumes,
      ...withSsh,
      "busybox",
      "/bin/sh",
      "-c",
      script,
    ];
    await vm.docker(...made);
    const said = async (path: string): Promise<string> => {
      const { stdout, stderr } = await runProgram(["env", `SSH_AUTH_SOCK=${path}`, "ssh-add", "-l"]);
      return stdout + stderr;
    };
    const empty = "The agent has no identities.\n";
    await until(
      "an agent in a container",
      20_000,
      async () => (await said(`${home}/made.sock`)) === empty || undefined,
    );
    expect(await connect({ unix: `${tmp}/made.sock` }).catch(() => "nobody")).toBe("nobody");
    await vm.docker("rm", "--force", "maker");
    expect(await said(`${home}/made.sock`)).toContain("communication with agent failed");
  });
}

// --- internal ---

function serving(path: string, onClient: () => void): Disposable & Listener {
  const listener = listen({ unix: path }, onClient);
  return { ...listener, [Symbol.dispose]: () => listener.closeAll() };
}
