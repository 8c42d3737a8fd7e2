/** Ports and streams that take long to show: hundreds of ports, gigabytes, silence, and agents that are killed. */
import { expect } from "bun:test";
import { join } from "node:path";
import { streamServer } from "../support/stream-server.ts";
import { fetchPattern, tcpClient } from "../support/tcp-client.ts";
import { knock, until, within } from "../support/until.ts";
import { testWithVm, type Vm } from "../support/vm.ts";

/** The ports of the streams' server in the container: 85 pours bytes, 86 sends everything back. */
const server = streamServer([80, 85, 86]);
const { portOf } = server;
const test = testWithVm(server.boot);
const minuteMs = 60_000;

/** How long a stream is silent: longer than slirp bears a half-closed one, and than firewalls bear most of them. */
const silenceMs = Number(process.env["QN_TEST_SILENCE_MINUTES"] ?? 15) * minuteMs;

function asRoot(vm: Vm, command: string): Promise<string> {
  return vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command]);
}

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
    const first = 40_000;
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
  20 * minuteMs,
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
  const mainPid = "systemctl show --property MainPID --value qn-ports";
  const before = await asRoot(vm, mainPid);
  await asRoot(vm, "systemctl kill --signal=KILL qn-ports");
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
      await until("the page", minuteMs, async () => {
        const answer = await fetch(`http://127.0.0.1:${portOf(80)}/`).catch(() => {});
        return answer?.ok;
      });
    }
    console.log(`kill -9: Docker's calls from the host failed for ${spansMs.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    expect(Math.max(...spansMs)).toBeLessThan(3_000);
  },
  10 * minuteMs,
);

test(
  "a stream that is silent for a long time works on",
  async () => {
    const client = tcpClient(portOf(86));
    client.write("one");
    await within("the first answer", minuteMs, client.heard("one"));
    // Nothing is to happen.
    await Bun.sleep(silenceMs);
    client.write("two");
    await within("the second answer", minuteMs, client.heard("onetwo"));
    client.end();
    expect(await client.gone).toBe("end");
  },
  silenceMs + 5 * minuteMs,
);
