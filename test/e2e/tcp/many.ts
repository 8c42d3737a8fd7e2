/** Many connections, and many bytes. */
import { expect } from "bun:test";
import { join } from "node:path";
import { closedConnections } from "../../support/closed-connections.ts";
import { held } from "../../support/process-resources.ts";
import { requestsAtOnce } from "../../support/requests.ts";
import { fetchPattern, pattern, tcpClient } from "../../support/tcp-client.ts";
import { until, within } from "../../support/until.ts";
import type { VmTest } from "../../support/vm.ts";
import type { PortOf } from "./streams.ts";

const atOnce = 200;
const megabyte = 1_000_000;

/**
 * A thousand short connections, some hundred that the server closes, and 64 MB at once. Several times as many, and the whole
 * gigabyte: test/long/ports.test.ts.
 */
export function manyTests(test: VmTest, portOf: PortOf): void {
  connectionTest(test, portOf, 1000);

  closedTests(test, portOf, 200);

  bytesTest(test, portOf, 64);
}

/** So many megabytes, half of them in each direction. */
export function bytesTest(test: VmTest, portOf: (inside: 81 | 85) => number, megabytes: number): void {
  test(`${megabytes} MB come and go whole through eight streams at once`, async () => {
    const bytes = (megabytes / 8) * megabyte;
    const down = Array.from({ length: 4 }, () => fetchPattern(portOf(85), bytes));
    const up = Array.from({ length: 4 }, () => sendPattern(portOf(81), bytes));
    await within(`${megabytes} MB`, 200_000, Promise.all([...down, ...up]));
  });
}

/** So many connections that the server closes, back to back, through Docker's socket and through a published port. */
export function closedTests(test: VmTest, portOf: (inside: 80) => number, count: number): void {
  for (const clients of [1, 8]) {
    test(`${count} connections that Docker closes, and as many that a container does, are all answered (${clients} at a time)`, async (vm) => {
      const docker = { path: join(vm.folder, "docker.sock") };
      expect(await closedConnections(docker, "/_ping", { count, clients })).toEqual([]);
      const port = { host: "127.0.0.1", port: portOf(80) };
      expect(await closedConnections(port, "/", { count, clients })).toEqual([]);
    });
  }
}

/** So many short connections, after which supervisor and agent have as much as before. */
export function connectionTest(test: VmTest, portOf: (inside: 80) => number, count: number): void {
  test(`${count} short connections, 200 at a time, leave nothing behind`, async (vm) => {
    // The first ones fill the pool and the buffers that stay.
    await shortConnections(portOf(80), 2 * atOnce);
    const before = await held(vm);
    await shortConnections(portOf(80), count);
    const after = await until("the end of all connections", 30_000, async () => {
      const now = await held(vm);
      return now.every(({ files }, index) => files <= (before[index]?.files ?? 0)) ? now : undefined;
    });
    const grown = after.map(({ residentMiB }, index) => residentMiB - (before[index]?.residentMiB ?? 0));
    console.log(
      `${count} connections: supervisor and agent have grown by ${grown.map((mib) => mib.toFixed(1)).join(" and ")} MiB`,
    );
    // One KiB that stays of each of 5,000 would be 5 MiB; the collector of garbage takes its time with some more.
    for (const mib of grown) expect(mib).toBeLessThan(24);
  });
}

async function shortConnections(port: number, count: number): Promise<void> {
  let left = count;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const [answer] = await requestsAtOnce(1, port);
      expect(answer?.text).toBe("a small page\n");
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
}

/** Sends so much of the pattern, and throws when the server has heard anything else. */
async function sendPattern(port: number, bytes: number): Promise<void> {
  const client = tcpClient(port);
  const whole = Buffer.alloc(bytes, pattern.subarray(0, 251));
  client.write(whole);
  client.end();
  await client.ended;
  expect(client.text).toBe(`${bytes} ${Bun.hash.crc32(whole)}`);
}
