/** Ports and streams that take long to show: hundreds of ports and rounds, gigabytes, silence, and agents that are killed. */
import { expect } from "bun:test";
import { join } from "node:path";
import { quantile } from "../bench/figures.ts";
import { moreClientTests } from "../e2e/tcp/clients.ts";
import { bytesTest, closedTests, connectionTest } from "../e2e/tcp/many.ts";
import { longPortTests } from "../e2e/whole-path/ports.ts";
import { beSilent, type HalfClosed, wholeTalk } from "../support/half-closed.ts";
import { oneFile, registry } from "../support/registry.ts";
import { playRounds } from "../support/rounds.ts";
import { streamServer } from "../support/stream-server.ts";
import { fetchPattern, type TcpClient, tcpClient } from "../support/tcp-client.ts";
import { knock, until, within } from "../support/until.ts";
import { testWithVm, type Vm } from "../support/vm.ts";

/** The ports of the streams' server in the container: 81 counts what it hears, 85 pours bytes, 86 sends everything back. */
const server = streamServer([80, 81, 85, 86]);
const { portOf } = server;
const test = testWithVm(server.boot);
const minuteMs = 60_000;

/** How long a stream is silent: longer than slirp bears a half-closed one, and than firewalls bear most of them. */
const silenceMs = Number(process.env["QN_TEST_SILENCE_MINUTES"] ?? 15) * minuteMs;

function asRoot(vm: Vm, command: string): Promise<string> {
  return vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command]);
}

/** Waits until the server in the container answers. */
async function pageAgain(): Promise<void> {
  await until("the page", minuteMs, async () => {
    const answer = await fetch(`http://127.0.0.1:${portOf(80)}/`).catch(() => {});
    return (await answer?.text()) === "a small page\n" ? true : undefined;
  });
}

/**
 * What says nothing while the other tests run: a stream, a command of Docker's whose input has ended, and connections of
 * a container to this machine of which one end has said all.
 */
let silent: {
  readonly stream: TcpClient;
  readonly command: Promise<string>;
  readonly outgoing: Promise<HalfClosed>;
  readonly sinceMs: number;
};

test("a stream answers before it falls silent", async (vm) => {
  const stream = tcpClient(portOf(86));
  stream.write("one");
  await within("the first answer", minuteMs, stream.heard("one"));
  const script = `cat; sleep ${silenceMs / 1000}; echo two`;
  const stdin = new TextEncoder().encode("one\n");
  const command = vm.succeed(["docker", "run", "--rm", "--interactive", "busybox", "sh", "-c", script], { stdin });
  const outgoing = beSilent(vm, silenceMs);
  // They are waited for below; until then their failure is nobody's.
  for (const each of [command, outgoing]) each.catch(() => {});
  silent = { stream, command, outgoing, sinceMs: performance.now() };
});

connectionTest(test, portOf, 5000);
closedTests(test, portOf, 2000);
bytesTest(test, portOf, 256);
moreClientTests(test);
longPortTests(test);

test(
  "one gigabyte comes whole through eight streams at once",
  async () => {
    const beganMs = performance.now();
    await Promise.all(Array.from({ length: 8 }, () => fetchPattern(portOf(85), 125_000_000)));
    console.log(`1 GB in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
  },
  10 * minuteMs,
);

test(
  "500 ports of one container are open when docker run returns, and free when rm does",
  async (vm) => {
    // Below what this machine gives to clients, and below the VMs' own slots.
    // A long run has root and an ordinary user side by side.
    const first = process.getuid?.() === 0 ? 12_000 : 13_000;
    const ports = Array.from({ length: 500 }, (_, index) => first + index);
    const range = `${first}-${first + 499}`;
    const timed = async (...words: readonly string[]): Promise<number> => {
      const beganMs = performance.now();
      await vm.docker(...words);
      return (performance.now() - beganMs) / 1000;
    };
    const server = ["busybox", "sleep", "10000"];
    await vm.docker("create", "--init", "--name", "many", "--publish", `127.0.0.1:${range}:${range}`, ...server);
    const starting = await timed("start", "many");
    const opened = await Promise.all(ports.map((port) => knock("127.0.0.1", port)));
    expect(new Set(opened)).toEqual(new Set(["open"]));
    expect((await vm.status()).ports.filter(({ container }) => container === "many")).toHaveLength(500);
    const removing = await timed("rm", "--force", "many");
    const after = await Promise.all(ports.map((port) => knock("127.0.0.1", port)));
    expect(new Set(after)).toEqual(new Set(["ECONNREFUSED"]));
    console.log(`500 ports: start ${starting.toFixed(1)} s, rm ${removing.toFixed(1)} s`);
  },
  40 * minuteMs,
);

test(
  "200 containers on one port, one after the other, answer at the first try each, and are gone after rm",
  async (vm) => {
    const count = 200;
    const beganMs = performance.now();
    const { firstByteMs, ...rounds } = await playRounds(
      (await vm.status()).docker.socket,
      count,
      ({ firstByteMs: { length }, right }) => {
        if (length % 20 === 0)
          console.log(`${length} rounds, ${right} right, ${Math.round(performance.now() - beganMs)} ms`);
      },
    );
    expect(rounds).toEqual({ right: count, early: 0, stale: 0, late: 0 });
    const [middle, slow] = [0.5, 0.99].map((share) => quantile(firstByteMs, share).toFixed(0));
    console.log(`from the answer to start to the first byte: p50 ${middle} ms, p99 ${slow} ms`);
  },
  120 * minuteMs,
);

test(
  "what is silent for a long time works on: a stream, a command whose input has ended, and what a container has dialled",
  async () => {
    const { stream, command, outgoing, sinceMs } = silent;
    // Nothing is to happen.
    await Bun.sleep(Math.max(0, sinceMs + silenceMs - performance.now()));
    stream.write("two");
    await within("the second answer", minuteMs, stream.heard("onetwo"));
    stream.end();
    expect(await stream.gone).toBe("end");
    expect(await within("the command's last line", 5 * minuteMs, command)).toBe("one\ntwo");
    expect(await within("the end of both connections", 5 * minuteMs, outgoing)).toEqual(wholeTalk);
  },
  silenceMs + 10 * minuteMs,
);

/** One call of Docker's from the host, on a connection of its own. */
type Call = { readonly beganMs: number; readonly endMs: number; readonly ok: boolean };

/** Asks Docker again and again until `signal` fires. */
async function keepAsking(socket: string, calls: Call[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const beganMs = performance.now();
    const ask = async () => (await fetch("http://docker/containers/json", { unix: socket, keepalive: false })).text();
    const ok = await ask().then(
      () => true,
      () => false,
    );
    calls.push({ beganMs, endMs: performance.now(), ok });
  }
}

/** Kills the agent while Docker is asked; how long from the first call that failed to the next that is answered, in ms. */
async function failingMs(vm: Vm): Promise<number> {
  const calls: Call[] = [];
  const over = new AbortController();
  const asking = keepAsking((await vm.status()).docker.socket, calls, over.signal);
  const mainPid = "systemctl show --property MainPID --value qn-agent";
  const before = await asRoot(vm, mainPid);
  await asRoot(vm, "systemctl kill --signal=KILL qn-agent");
  await until("another agent", minuteMs, async () => {
    const pid = await asRoot(vm, mainPid);
    return pid === before || pid === "0" ? undefined : pid;
  });
  const backMs = performance.now();
  const answered = (): number => calls.filter(({ beganMs, ok }) => ok && beganMs > backMs).length;
  await until("calls that are answered", minuteMs, () => (answered() >= 3 ? true : undefined));
  over.abort();
  await asking;
  const failed = calls.filter(({ ok }) => !ok);
  const next = calls.find(({ beganMs, ok }) => ok && beganMs > (failed.at(-1)?.beganMs ?? 0));
  const [first] = failed;
  return first === undefined ? 0 : (next?.beganMs ?? Number.NaN) - first.endMs;
}

test(
  "kill -9 of the agent fails no call of Docker's for longer than 3 s, and the forwards come back by themselves",
  async (vm) => {
    const spansMs: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      spansMs.push(await failingMs(vm));
      await pageAgain();
    }
    console.log(`kill -9: Docker's calls from the host failed for ${spansMs.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    expect(Math.max(...spansMs)).toBeLessThan(3_000);
  },
  10 * minuteMs,
);

test("an agent that is killed fails no call of Docker's, and the forwards come back", async (vm) => {
  await asRoot(vm, "systemctl kill --signal=KILL qn-agent");
  // The host's way to Docker ends with the gate; Docker itself, asked inside, must not refuse.
  const calls = "for i in 1 2 3 4 5; do docker ps --quiet >/dev/null || exit 9; done; docker run --rm busybox true";
  await asRoot(vm, calls);
  await pageAgain();
  await until("Docker", minuteMs, async () => ((await vm.status()).state === "running" ? true : undefined));
});

test("Docker's own restart leaves a container that starts anew its ports", async (vm) => {
  await vm.docker("update", "--restart", "always", "streams");
  await asRoot(vm, "systemctl restart docker");
  await pageAgain();
});

test("Docker's own restart leaves its localhost the host", async (vm) => {
  await using store = registry({ x: oneFile });
  await vm.docker("pull", `localhost:${store.port}/x`);
});
