/**
 * Sockets of this machine in containers, and of containers on this machine, that outlive what carries them: agent,
 * supervisor, suspend, and the server itself.
 */
import { expect } from "bun:test";
import { lstat, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { socketNames } from "../e2e/files/sockets.ts";
import { connect } from "../../src/system/net/connection.ts";
import { bunContainer } from "../support/bun-container.ts";
import { killWorker } from "../support/mount-socket-scene.ts";
import { kill9 } from "../support/processes.ts";
import { repository } from "../support/program.ts";
import { type SshAgents, startAgents, withSsh } from "../support/ssh-agents.ts";
import { payload, receive, send, sumOf } from "../support/streams.ts";
import { until } from "../support/until.ts";
import { bootVm, runPlain, testWithVm, type Vm } from "../support/vm.ts";

const test = testWithVm(() => bootVm({ before: nameSockets }));
const minuteMs = 60_000;

/** Where the container finds them: the ssh agent's, another by itself, and the same in its folder. */
const paths = ["/run/host-services/ssh-auth.sock", "/named.sock", "/mnt/named.sock"];

let agents: SshAgents;

async function nameSockets(vm: Vm): Promise<void> {
  const { agent, named } = socketNames(vm);
  vm.env["SSH_AUTH_SOCK"] = agent;
  vm.env["QN_FILES_SOCKETS"] = `[ssh-agent, ${JSON.stringify(named)}]`;
  await mkdir(dirname(named), { recursive: true });
}

/** How many of the paths the key is seen at, in the container that runs. */
async function seen(vm: Vm, wanted = paths): Promise<number> {
  const script = `for path in ${wanted.join(" ")}; do SSH_AUTH_SOCK=$path ssh-add -l; done; true`;
  const said = await vm.docker("exec", "holder", "/bin/sh", "-c", script);
  return said.split("\n").filter((line) => line.includes("key of the test")).length;
}

async function seenAgain(vm: Vm, what: string, wanted = paths): Promise<void> {
  await until(`the sockets after ${what}`, 2 * minuteMs, async () =>
    (await seen(vm, wanted).catch(() => 0)) === wanted.length ? true : undefined,
  );
}

const asRoot = (vm: Vm): readonly string[] => ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default"];

const echoFolder = (vm: Vm): string => join(vm.inHome, "echo");

/** Starts a server in a container, which listens in a folder of the home folder. */
async function startEcho(vm: Vm): Promise<void> {
  const script = join(repository, "test/support/inside/unix-echo.ts");
  const program = await bunContainer(join(vm.inHome, "bun"), script);
  await mkdir(echoFolder(vm));
  const volume = ["--volume", `${echoFolder(vm)}:/echo`];
  await vm.docker(...runPlain, "--detach", "--name", "echo", ...volume, ...program, "/echo/s.sock");
  await until("a server in a container", 2 * minuteMs, async () =>
    (await echoed(vm, Buffer.from("x")).catch(() => "")).toString() === "x" ? true : undefined,
  );
}

/** What it says to these words. */
async function echoed(vm: Vm, words: Buffer): Promise<Buffer> {
  const client = await connect({ unix: join(echoFolder(vm), "s.sock") });
  const received = receive(client);
  await send(client, words);
  client.end();
  await received.closed;
  return received.whole;
}

test("a container that runs reaches its sockets", async (vm) => {
  const { agent, named } = socketNames(vm);
  agents = await startAgents(vm, [agent, named]);
  const volumes = [`${paths[0]}:${paths[0]}`, `${named}:/named.sock`, `${dirname(named)}:/mnt`];
  const binds = volumes.flatMap((volume) => ["--volume", volume]);
  const command = ["busybox", "/bin/sh", "-c", "while :; do sleep 1000; done"];
  await vm.docker(
    ...runPlain,
    "--detach",
    "--name",
    "holder",
    "--env",
    "PATH=/usr/bin:/bin",
    ...withSsh,
    ...binds,
    ...command,
  );
  expect(await seen(vm)).toBe(3);
});

test("and does after the agent in the guest was killed", async (vm) => {
  await vm.succeed([...asRoot(vm), "systemctl kill --signal=KILL qn-agent"]);
  await seenAgain(vm, "the agent's end");
});

test("and after the supervisor was killed, by another one with the same settings", async (vm) => {
  await kill9((await vm.status()).supervisor.pid);
  await vm.qn("up");
  await seenAgain(vm, "the supervisor's end");
});

test("and after the programs that listen have ended and begun anew", async (vm) => {
  const { agent, named } = socketNames(vm);
  await agents[Symbol.asyncDispose]();
  expect(await seen(vm)).toBe(0);
  agents = await startAgents(vm, [agent, named]);
  await seenAgain(vm, "their end", paths.slice(0, 2));
  // What lies in a folder that virtiofs serves is another socket now, until the container starts again (docs/files.md).
  await vm.docker("restart", "--time", "0", "holder");
  await seenAgain(vm, "the container's start");
});

test("a container's own socket answers this machine: 10 MiB each way, and a direction that ends first", async (vm) => {
  await startEcho(vm);
  const up = payload(10 * 1024 ** 2);
  expect(sumOf(await echoed(vm, up))).toBe(sumOf(up));
});

test("and does for 300 clients at once", async (vm) => {
  const words = Array.from({ length: 300 }, (_, index) => `client ${index}`);
  const heard = await Promise.all(words.map(async (each) => (await echoed(vm, Buffer.from(each))).toString()));
  expect(heard).toEqual(words);
});

test("and after container, agent, server of the mount and supervisor have ended and begun anew", async (vm) => {
  const again = async (what: string): Promise<void> => {
    const isThere = async () => (await echoed(vm, Buffer.from("again")).catch(() => "")).toString() === "again";
    await until(`the socket after ${what}`, 2 * minuteMs, async () => (await isThere()) || undefined);
  };
  await vm.docker("restart", "--time", "0", "echo");
  await again("the container's end");
  await vm.succeed([...asRoot(vm), "systemctl kill --signal=KILL qn-agent"]);
  await again("the agent's end");
  await killWorker(`--folder=${homedir()} --socket=${vm.folder}/`);
  await again("the death of who works for the mount");
  await kill9((await vm.status()).supervisor.pid);
  await vm.qn("up");
  await again("the supervisor's end");
});

test("and after a suspend, and so do this machine's, for which containers that hold mounts are stopped", async (vm) => {
  await vm.qn("down", "--suspend");
  await vm.qn("up");
  await seenAgain(vm, "the suspend");
  await until("a container's socket after the suspend", 2 * minuteMs, async () =>
    (await echoed(vm, Buffer.from("x")).catch(() => "")).toString() === "x" ? true : undefined,
  );
  await agents[Symbol.asyncDispose]();
});

test("a container's socket is there after the VM has ended, and nobody listens", async (vm) => {
  await vm.qn("down");
  const path = join(echoFolder(vm), "s.sock");
  expect((await lstat(path)).isSocket()).toBe(true);
  expect(await connect({ unix: path }).catch((error: { code?: unknown }) => error.code)).toBe("ECONNREFUSED");
  await vm.qn("up");
  await until("a container that runs again", 2 * minuteMs, async () =>
    (await vm.docker("start", "echo").catch(() => "")) === "echo" ? true : undefined,
  );
  await until("its socket", 2 * minuteMs, async () =>
    (await echoed(vm, Buffer.from("x")).catch(() => "")).toString() === "x" ? true : undefined,
  );
});
