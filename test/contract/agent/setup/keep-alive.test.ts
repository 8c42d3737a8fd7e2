/** Which connections the kernel keeps alive, by this machine's kernel; for root on Linux. */
import { expect, test } from "bun:test";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { keepAlive, rememberHalfClosed } from "../../../../src/agent/setup/keep-alive.ts";
import { mountTable } from "../../../../src/system/mount-table.ts";
import { findProgram, run } from "../../../../src/system/process.ts";
import { newFolder } from "../../../support/folder.ts";

const groups = process.platform === "linux" ? mountTable().find(({ type }) => type === "cgroup2")?.target : undefined;

/** Whether this machine lets a test make groups and tie a program to one; ss shows a connection's timers. */
const mayAttach = groups !== undefined && findProgram("ss") !== undefined && (await attaches(groups));

test.skipIf(!mayAttach)(
  "a connection that a process of the group opens is probed after five minutes of silence",
  async () => {
    await using scene = await newScene();
    expect(await scene.timer("127.0.0.1")).toBe("");
    using _kept = scene.keep();
    expect(await scene.timer("127.0.0.1")).toMatch(/^timer:\(keepalive,(4min\d+sec|5min),0\)$/);
    expect(await scene.timer("::1")).toMatch(/^timer:\(keepalive,(4min\d+sec|5min),0\)$/);
  },
);

test.skipIf(!mayAttach)("nobody else's is, nor one that was opened after the agent's end", async () => {
  await using scene = await newScene();
  const kept = scene.keep();
  expect(await scene.timer("127.0.0.1", groups)).toBe("");
  kept[Symbol.dispose]();
  expect(await scene.timer("127.0.0.1")).toBe("");
});

test.skipIf(!mayAttach)("a program that has asked for probes of its own has them", async () => {
  await using scene = await newScene();
  using _kept = scene.keep();
  expect(await scene.timer("127.0.0.1", scene.group, 100)).toMatch(/^timer:\(keepalive,1min(3|4)\d+sec,0\)$/);
});

test.skipIf(process.platform !== "linux")("where the kernel refuses the agent says so and goes on", async () => {
  await using place = await newFolder();
  const said: string[] = [];
  keepAlive((text) => said.push(text), join(place.path, "gone")).close();
  keepAlive((text) => said.push(text), place.path).close();
  expect(said).toEqual([
    expect.stringMatching(/^Silent connections are not kept alive: .*ENOENT/),
    expect.stringMatching(/^Silent connections are not kept alive: (load|attach): E[A-Z]+$/),
  ]);
});

test("half-closed connections are remembered for a day where the kernel has tables of connections", async () => {
  await using place = await newFolder();
  const [there, gone] = [join(place.path, "close_wait"), join(place.path, "fin_wait")];
  await writeFile(there, "60\n");
  const said: string[] = [];
  rememberHalfClosed((text) => said.push(text), [there, gone]);
  expect(await readFile(there, "utf8")).toBe("86400\n");
  expect(said).toEqual([
    expect.stringMatching(/^Half-closed connections of containers are forgotten early: ENOENT.*fin_wait/),
  ]);
});

// --- internal ---

/** A group with a server that nobody of it is, and connections to it. */
async function newScene() {
  const group = join(groups ?? "", `qn-test-${process.pid}-${crypto.randomUUID().slice(0, 8)}`);
  await mkdir(group);
  const server = Bun.listen({ hostname: "::", port: 0, socket: { data() {} } });
  return {
    group,
    keep() {
      const said: string[] = [];
      const kept = keepAlive((text) => said.push(text), group);
      expect(said).toEqual([]);
      return { [Symbol.dispose]: () => kept.close() };
    },
    /** The timer of a connection that bash opens in a group, or perl, which asks for its first probe after `idleS`. */
    async timer(address: string, from = group, idleS?: number): Promise<string> {
      const dial =
        idleS === undefined
          ? `exec 3<>/dev/tcp/${address}/${server.port}; exec sleep 60`
          : `exec perl -MSocket -e 'socket(S,PF_INET,SOCK_STREAM,0); setsockopt(S,SOL_SOCKET,SO_KEEPALIVE,1); setsockopt(S,6,4,${idleS}); connect(S,sockaddr_in(${server.port},inet_aton("${address}"))) or die; print "dialled"; sleep 60'`;
      const child = Bun.spawn(["bash", "-c", `echo $$ >${join(from, "cgroup.procs")} && ${dial}`], {
        stderr: "inherit",
      });
      try {
        for (;;) {
          const { stdout } = await run(["ss", "-Htnop", "state", "established", "dport", "=", `:${server.port}`]);
          const line = stdout.split("\n").find((each) => each.includes(`pid=${child.pid},`));
          if (line !== undefined) return /timer:\S+/.exec(line)?.[0] ?? "";
          expect(child.exitCode).toBeNull();
        }
      } finally {
        child.kill("SIGKILL");
        await child.exited;
      }
    },
    async [Symbol.asyncDispose]() {
      server.stop(true);
      await rmdir(group);
    },
  };
}

async function attaches(folder: string): Promise<boolean> {
  const group = join(folder, `qn-test-${process.pid}`);
  let isRefused = false;
  try {
    await mkdir(group);
    keepAlive(() => (isRefused = true), group).close();
    return !isRefused;
  } catch {
    return false;
  } finally {
    await rmdir(group).catch(() => {});
  }
}
