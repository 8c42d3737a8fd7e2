/** Where a process of dockerd's control group comes when it dials localhost, by this machine's kernel; for root on Linux. */
import { expect, test } from "bun:test";
import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { DockerLocalhost } from "../../../../src/agent/docker/localhost.ts";
import { assemble, bpf } from "../../../../src/system/kernel/bpf-code.ts";
import { attachToGroup } from "../../../../src/system/kernel/bpf.ts";
import { mountTable } from "../../../../src/system/mount-table.ts";
import { run } from "../../../../src/system/process.ts";
import type { Ports } from "../../../support/localhost-run.ts";
import { newFolder } from "../../../support/folder.ts";
import { repository } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";

const program = join(repository, "test/support/localhost-run.ts");
const isLinux = process.platform === "linux";
const groups = isLinux ? mountTable().find(({ type }) => type === "cgroup2")?.target : undefined;

const host = "10.0.2.2";
const guest = "127.0.0.1";
const refused = "refused";

/** Whether this machine lets a test make groups and networks, and tie any program to a group. */
const mayAttach = groups !== undefined && (await attachesAnything(groups));

test.skipIf(!mayAttach)(
  "dockerd's localhost is the host where nobody in the guest listens, and the guest where somebody does",
  async () => {
    await using scene = await newScene();
    const { ports } = scene;
    expect(await scene.dial(ports.host)).toBe(refused);
    await using _agent = await scene.lead();
    expect(await scene.dial(ports.host)).toBe(host);
    expect(await scene.dial(ports.loopback)).toBe(guest);
    expect(await scene.dial(ports.everywhere)).toBe(guest);
    expect(await scene.dial(ports.everywhereOfIpv6)).toBe(guest);
    // Of the host's loopback the guest can reach one address, and it is none of the others.
    expect(await scene.dial(ports.host, { address: "127.0.0.2" })).toBe(refused);
    expect(await scene.dial(ports.loopback, { address: host })).toBe(refused);
  },
);

test.skipIf(!mayAttach)("nobody else's localhost is another one", async () => {
  await using scene = await newScene();
  await using _agent = await scene.lead();
  expect(await scene.dial(scene.ports.host)).toBe(host);
  expect(await scene.dial(scene.ports.host, { group: "sshd" })).toBe(refused);
  // A container in dockerd's own group, with a network in which there is a host's address, too.
  await using other = await newScene();
  expect(await scene.dial(other.ports.host, { network: other.pid })).toBe(refused);
});

test.skipIf(!mayAttach)("the way ends with the agent, however that ends, and the next one has it anew", async () => {
  await using scene = await newScene();
  for (const how of ["SIGKILL", "end"] as const) {
    const agent = await scene.lead();
    expect(await scene.dial(scene.ports.host)).toBe(host);
    await agent.end(how);
    // The kernel may close what a process had open a moment after it has ended.
    await until("the end of the way", 10_000, async () =>
      (await scene.dial(scene.ports.host)) === refused ? true : undefined,
    );
  }
});

test.skipIf(!mayAttach)(
  "a dockerd that was started anew is led at its first call, and at the next ones nothing is done",
  async () => {
    await using scene = await newScene();
    await using agent = await scene.lead();
    await scene.restartDocker();
    expect(await scene.dial(scene.ports.host)).toBe(refused);
    await agent.again();
    await agent.again();
    expect(await scene.dial(scene.ports.host)).toBe(host);
  },
);

test.skipIf(!isLinux)("where there is no such group, or no right to it, the agent says so and goes on", async () => {
  await using place = await newFolder();
  const said: string[] = [];
  for (const folder of [join(place.path, "docker.service"), place.path]) {
    const localhost = new DockerLocalhost((text) => said.push(text), folder);
    // For one call of Docker's and the next: once is enough to be told.
    localhost.lead();
    localhost.lead();
    localhost.close();
  }
  expect(said).toEqual([
    expect.stringMatching(/^Docker's localhost stays the guest's own: .*ENOENT/),
    expect.stringMatching(/^Docker's localhost stays the guest's own: (load|attach|SO_NETNS_COOKIE): E[A-Z]+$/),
  ]);
});

// --- internal ---

/** A network, who listens in it, and the control group of a dockerd and of another program. */
async function newScene() {
  const group = join(groups ?? "", `qn-test-${process.pid}-${crypto.randomUUID().slice(0, 8)}`);
  const folders = [group, join(group, "docker"), join(group, "sshd")] as const;
  for (const folder of folders) await mkdir(folder);
  const servers = start(["unshare", "--net"], ["serve"]);
  const ports = (await servers.says()) as Ports;
  return {
    ports,
    pid: servers.pid,
    /** Leads the connections of dockerd's group from now on. */
    async lead() {
      const agent = start(["nsenter", "--target", `${servers.pid}`, "--net"], ["lead", folders[1]]);
      const again = async (): Promise<void> => expect(await agent.says("a call")).toEqual({ trouble: "" });
      await again();
      return { ...agent, again, [Symbol.asyncDispose]: () => agent.end("end") };
    },
    /** dockerd ends, and another one is started. */
    async restartDocker() {
      await rmdir(folders[1]);
      await mkdir(folders[1]);
    },
    /** The address at which a server is reached that is dialled from the group, in this network or that of a process. */
    async dial(port: number, { address = guest, group: from = "docker", network = servers.pid } = {}): Promise<string> {
      const script = `echo $$ > ${join(group, from)}/cgroup.procs && exec 3<>/dev/tcp/${address}/${port} && read -r said <&3 && echo "$said"`;
      const command = ["nsenter", "--target", `${network}`, "--net", "bash", "-c", script];
      const { stdout, stderr } = await run(command);
      return stderr.includes("Connection refused") ? refused : `${stdout}${stderr}`.trim().replace("::ffff:", "");
    },
    async [Symbol.asyncDispose]() {
      await servers.end("end");
      for (const folder of folders.toReversed()) await rmdir(folder);
    },
  };
}

/** Starts one of the two programs; `says` is the next line that it says, when it has been told one or by itself. */
function start(wrapper: readonly string[], words: readonly string[]) {
  const child = Bun.spawn([...wrapper, process.execPath, program, ...words], { stdin: "pipe", stdout: "pipe" });
  const reader = child.stdout.getReader();
  return {
    pid: child.pid,
    async says(told?: string): Promise<unknown> {
      if (told !== undefined) void child.stdin.write(`${told}\n`);
      const { value } = await reader.read();
      return JSON.parse(new TextDecoder().decode(value));
    },
    async end(how: "SIGKILL" | "end"): Promise<void> {
      if (how === "end") await child.stdin.end();
      else child.kill(how);
      await child.exited;
    },
  };
}

async function attachesAnything(groups: string): Promise<boolean> {
  const group = join(groups, `qn-test-${process.pid}`);
  try {
    await mkdir(group);
    attachToGroup(group, "connect4", assemble([bpf.set(0, 1), bpf.exit])).close();
    return Bun.spawnSync(["unshare", "--net", "true"]).exitCode === 0;
  } catch {
    return false;
  } finally {
    await rmdir(group).catch(() => {});
  }
}
