/** Ports and streams that take long to show: hundreds of ports, gigabytes, silence, and agents that are killed. */
import { expect } from "bun:test";
import { join } from "node:path";
import { bunContainer } from "../support/bun-container.ts";
import { repository } from "../support/program.ts";
import { fetchPattern, tcpClient } from "../support/tcp-client.ts";
import { freePort, knock, until, within } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

/** The ports of the streams' server in the container: 85 pours bytes, 86 sends everything back. */
const inside = [80, 85, 86] as const;
const outside = new Map<number, number>();

const test = testWithVm(async () => {
  const vm = await bootVm();
  for (const port of inside) outside.set(port, await freePort());
  const publish = [...outside].flatMap(([port, host]) => ["--publish", `127.0.0.1:${host}:${port}`]);
  const script = join(repository, "test/support/inside/streams.ts");
  const server = await bunContainer(join(vm.inHome, "streams"), script);
  await vm.docker("run", "--detach", "--name", "streams", ...publish, ...server);
  await until("the server in the container", 60_000, async () => {
    const answer = await fetch(`http://127.0.0.1:${outside.get(80)}/`).catch(() => {});
    return answer?.ok;
  });
  return vm;
});

const portOf = (port: (typeof inside)[number]): number => outside.get(port) ?? 0;
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

test(
  "kill -9 of the agent fails no call of Docker's for longer than 3 s, and the forwards come back by themselves",
  async (vm) => {
    const worstMs: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const calls: { readonly beganMs: number; readonly ok: boolean }[] = [];
      const over = new AbortController();
      const { socket } = (await vm.status()).docker;
      const caller = async (): Promise<void> => {
        while (!over.signal.aborted) {
          const beganMs = performance.now();
          const answer = await fetch("http://docker/containers/json", { unix: socket, keepalive: false }).catch(
            () => undefined,
          );
          calls.push({ beganMs, ok: answer?.ok === true });
          await answer?.text().catch(() => {});
        }
      };
      const calling = caller();
      const killedMs = performance.now();
      await asRoot(vm, "systemctl kill --signal=KILL qn-ports");
      await until("a failed call, or one that has waited", minuteMs, () =>
        calls.some(({ beganMs, ok }) => !ok && beganMs >= killedMs) || performance.now() > killedMs + 10_000
          ? true
          : undefined,
      );
      await until("calls that go on", minuteMs, () => (calls.slice(-3).every(({ ok }) => ok) ? true : undefined));
      over.abort();
      await calling;
      const failed = calls.filter(({ ok }) => !ok);
      const next = calls.find(({ beganMs, ok }) => ok && beganMs > (failed.at(-1)?.beganMs ?? 0));
      worstMs.push(failed.length === 0 ? 0 : (next?.beganMs ?? Number.NaN) - (failed[0]?.beganMs ?? 0));
      expect(await knock("127.0.0.1", portOf(80))).toBe("open");
      await until("the page", minuteMs, async () => {
        const answer = await fetch(`http://127.0.0.1:${portOf(80)}/`).catch(() => {});
        return answer?.ok;
      });
    }
    console.log(`kill -9: Docker's calls from the host failed for ${worstMs.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    expect(Math.max(...worstMs)).toBeLessThan(3_000);
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
