/** Ports below 1024 at a loopback address: macOS gives them at every address only, so clients are looked at instead. */
import { expect, test } from "bun:test";
import { listensAs } from "../../../../src/host/ports/privileged.ts";

function takes(
  os: NodeJS.Platform,
  hostIp: string,
  hostPort: number,
  clients: readonly [string, string | undefined][],
): unknown {
  const { address, admits } = listensAs({ hostIp, hostPort }, os);
  return [address, clients.map(([peer, local]) => admits(peer, local))];
}

test("on macOS a port below 1024 on loopback listens at every address, and takes who comes over loopback to that address", () => {
  expect(
    takes("darwin", "127.0.0.1", 80, [
      ["127.0.0.1", "127.0.0.1"],
      ["127.0.0.1", undefined],
      ["127.0.0.9", "127.0.0.1"],
      ["127.0.0.1", "127.0.0.2"],
      ["192.168.1.7", "192.168.1.5"],
      ["192.168.1.7", undefined],
      ["192.168.1.5", "127.0.0.1"],
    ]),
  ).toEqual(["0.0.0.0", [true, true, true, false, false, false, false]]);
  expect(
    takes("darwin", "::1", 443, [
      ["::1", "::1"],
      ["fe80::1", "fe80::2"],
      ["::ffff:192.168.1.7", undefined],
    ]),
  ).toEqual(["::", [true, false, false]]);
});

test("everything else listens where it was asked to, and takes everybody", () => {
  const anybody: [string, string | undefined][] = [["192.168.1.7", "192.168.1.5"]];
  expect(takes("linux", "127.0.0.1", 80, anybody)).toEqual(["127.0.0.1", [true]]);
  expect(takes("darwin", "127.0.0.1", 1024, anybody)).toEqual(["127.0.0.1", [true]]);
  expect(takes("darwin", "192.168.1.5", 80, anybody)).toEqual(["192.168.1.5", [true]]);
  expect(takes("darwin", "0.0.0.0", 80, anybody)).toEqual(["0.0.0.0", [true]]);
});
