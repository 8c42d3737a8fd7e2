/** Single streams: how they end, break off, wait and idle. */
import { expect } from "bun:test";
import { held } from "../../support/process-resources.ts";
import { fetchPattern, tcpClient } from "../../support/tcp-client.ts";
import { until, within } from "../../support/until.ts";
import type { VmTest } from "../../support/vm.ts";

/** Where a port of the server in the container is on this machine. */
export type PortOf = (inside: 80 | 81 | 82 | 83 | 84 | 85 | 86 | 99) => number;

const patienceMs = 60_000;
const mebibyte = 1024 ** 2;

/** Ends, resets, refusals, slow readers and idle streams. */
export function streamTests(test: VmTest, portOf: PortOf): void {
  // Opened first and asked last: it says nothing while all other tests of this file run.
  let idle: ReturnType<typeof tcpClient>;

  test("a client that ends its direction still gets the answer", async () => {
    idle = tcpClient(portOf(86));
    const client = tcpClient(portOf(81));
    const question = "a long question ".repeat(100_000);
    client.write(question);
    client.end();
    await within("the answer", patienceMs, client.ended);
    expect(client.text).toBe(`${question.length} ${Bun.hash.crc32(question)}`);
    expect(await client.gone).toBe("end");
  });

  test("a server that ends its direction still hears the client", async () => {
    const client = tcpClient(portOf(82));
    await within("the server's end", patienceMs, client.ended);
    expect(client.text).toBe("that is all");
    client.write("but ");
    client.write("I go on");
    client.end();
    await within("the end", patienceMs, client.gone);
    expect(await lastSeen(portOf, 82)).toEqual({ bytes: 11, end: "end" });
  });

  test("a server that breaks off is a reset for the client, behind its last words", async () => {
    const client = tcpClient(portOf(83));
    client.write("hello");
    expect(await within("the reset", patienceMs, client.gone)).toBe("ECONNRESET");
    expect(client.text).toBe("no more");
  });

  test("a client that breaks off is a reset for the server", async () => {
    const client = tcpClient(portOf(84));
    await within("the greeting", patienceMs, client.heard("hello"));
    client.reset();
    expect(await lastSeen(portOf, 84)).toEqual({ bytes: 0, end: "ECONNRESET" });
  });

  test("a port that nobody in the container listens on is reset at once", async () => {
    const client = tcpClient(portOf(99));
    // Much less than anybody would wait for: an emulated guest needs some milliseconds.
    expect(await within("the reset", 5000, client.gone)).toBe("ECONNRESET");
  });

  test("a reader that stops holds back itself alone, and costs no memory", async (vm) => {
    const before = await held(vm);
    const slow = tcpClient(portOf(85));
    slow.write(`${256 * mebibyte}\n`);
    await until("the first bytes", patienceMs, () => (slow.text.length > 0 ? true : undefined));
    slow.pause();
    // The same port and the same way, many times what is held back.
    for (let round = 0; round < 4; round += 1) await fetchPattern(portOf(85), 8 * mebibyte);
    for (const [index, { residentMiB }] of (await held(vm)).entries()) {
      expect(residentMiB - (before[index]?.residentMiB ?? 0)).toBeLessThan(64);
    }
    slow.reset();
    await until("the server's end of it", patienceMs, async () => {
      const streams = await seen(portOf, 85);
      return streams.every(({ end }) => end !== undefined) ? true : undefined;
    });
    expect((await seen(portOf, 85))[0]?.end).toBe("ECONNRESET");
  });

  test("a container's silent connection to this machine is probed before slirp forgets it, and half-closed ones are remembered", async (vm) => {
    using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const dial = `sleep 600 | nc 10.0.2.2 ${server.port}`;
    const client = (await vm.docker("run", "-d", "busybox", "sh", "-c", dial)).trim();
    const pid = (await vm.docker("inspect", "-f", "{{.State.Pid}}", client)).trim();
    const look = `nsenter -t ${pid} -n ss -Htno state established`;
    const timer = await until("the connection", patienceMs, async () => {
      return /timer:\S+/.exec(await vm.qn("ssh", "--", "sudo", "sh", "-c", look))?.[0];
    });
    expect(await vm.qn("ssh", "--", "cat", "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait")).toBe(
      "86400",
    );
    expect(timer).toMatch(/^timer:\(keepalive,[1-4]min/);
    await vm.docker("rm", "-f", client);
  });

  test("a stream that has been silent through all of this still works", async () => {
    idle.write("still there?");
    await within("its answer", patienceMs, idle.heard("still there?"));
    idle.end();
    expect(await within("its end", patienceMs, idle.gone)).toBe("end");
  });
}

/** What the server has seen of the streams of one of its ports. */
async function seen(portOf: PortOf, inside: number): Promise<{ bytes: number; end?: string }[]> {
  const told = await (await fetch(`http://127.0.0.1:${portOf(80)}/seen`)).json();
  return (told as { streams: Record<string, { bytes: number; end?: string }[]> }).streams[inside] ?? [];
}

/** The last stream of a port, once it is over. */
async function lastSeen(portOf: PortOf, inside: number): Promise<unknown> {
  return await until(`the end of a stream at port ${inside}`, patienceMs, async () => {
    const last = (await seen(portOf, inside)).at(-1);
    return last?.end === undefined ? undefined : last;
  });
}
