/** Which listeners published ports need, and the steps from those that there are. */
import { expect, test } from "bun:test";
import { planListeners, type Wanted, wantedListeners } from "../../../../src/host/ports/listener-plan.ts";
import type { PublishedPort } from "../../../../src/protocol/messages.ts";

function port(hostIp: string, hostPort = 8080, changes: Partial<PublishedPort> = {}): PublishedPort {
  return { protocol: "tcp", hostIp, hostPort, containerId: "c1", container: "web", ...changes };
}

/** "tcp 127.0.0.1 8080 <- web at 0.0.0.0" */
function words({ protocol, hostIp, hostPort, serves }: Wanted): string {
  return `${protocol} ${hostIp} ${hostPort} <- ${serves.container} at ${serves.hostIp}`;
}

test("a port that is published on every address listens once for each family, on loopback or everywhere", () => {
  const both = [port("0.0.0.0"), port("::")];
  expect(wantedListeners(both, "loopback").map(words)).toEqual([
    "tcp 127.0.0.1 8080 <- web at 0.0.0.0",
    "tcp ::1 8080 <- web at 0.0.0.0",
  ]);
  expect(wantedListeners(both, "all").map(words)).toEqual([
    "tcp 0.0.0.0 8080 <- web at 0.0.0.0",
    "tcp :: 8080 <- web at 0.0.0.0",
  ]);
});

test("one family alone is published on both, so that localhost works however it resolves", () => {
  for (const hostIp of ["0.0.0.0", "::", ""]) {
    expect(wantedListeners([port(hostIp)], "loopback").map(({ hostIp }) => hostIp)).toEqual(["127.0.0.1", "::1"]);
  }
});

test("a port that names its address listens there and nowhere else, whatever the VM's setting", () => {
  const named = [port("127.0.0.1"), port("192.168.1.5"), port("::1"), port("fd00::1")];
  for (const bind of ["loopback", "all"] as const) {
    expect(wantedListeners(named, bind).map(({ hostIp }) => hostIp)).toEqual(named.map(({ hostIp }) => hostIp));
  }
});

test("of two containers that want one address and port the first serves, the other keeps its own addresses", () => {
  const published = [
    port("127.0.0.1", 8080, { container: "one" }),
    port("0.0.0.0", 8080, { container: "two" }),
    port("0.0.0.0", 8080, { container: "dns", protocol: "udp" }),
  ];
  expect(wantedListeners(published, "loopback").map(words)).toEqual([
    "tcp 127.0.0.1 8080 <- one at 127.0.0.1",
    "tcp ::1 8080 <- two at 0.0.0.0",
    "udp 127.0.0.1 8080 <- dns at 0.0.0.0",
    "udp ::1 8080 <- dns at 0.0.0.0",
  ]);
});

/** The steps in words. */
function steps(wanted: readonly PublishedPort[], actual: readonly PublishedPort[]): object {
  const { close, keep, open } = planListeners(wantedListeners(wanted, "loopback"), wantedListeners(actual, "loopback"));
  return {
    close: close.map(words),
    keep: keep.map(([before, after]) => `${words(before)} => ${words(after)}`),
    open: open.map(words),
  };
}

test("from nothing everything is opened, to nothing everything is closed", () => {
  const one = [port("127.0.0.1")];
  expect(steps(one, [])).toEqual({ close: [], keep: [], open: ["tcp 127.0.0.1 8080 <- web at 127.0.0.1"] });
  expect(steps([], one)).toEqual({ close: ["tcp 127.0.0.1 8080 <- web at 127.0.0.1"], keep: [], open: [] });
  expect(steps([], [])).toEqual({ close: [], keep: [], open: [] });
});

test("a listener stays open when another container takes its port over, and serves that one", () => {
  expect(steps([port("127.0.0.1", 8080, { container: "new" })], [port("127.0.0.1")])).toEqual({
    close: [],
    keep: ["tcp 127.0.0.1 8080 <- web at 127.0.0.1 => tcp 127.0.0.1 8080 <- new at 127.0.0.1"],
    open: [],
  });
});

test("a port that moves from every address to one closes what is too much and opens what is new", () => {
  expect(steps([port("127.0.0.1"), port("192.168.1.5")], [port("0.0.0.0")])).toEqual({
    close: ["tcp ::1 8080 <- web at 0.0.0.0"],
    keep: ["tcp 127.0.0.1 8080 <- web at 0.0.0.0 => tcp 127.0.0.1 8080 <- web at 127.0.0.1"],
    open: ["tcp 192.168.1.5 8080 <- web at 192.168.1.5"],
  });
});

test("protocols with the same number have listeners of their own", () => {
  expect(steps([port("127.0.0.1", 53, { protocol: "udp" })], [port("127.0.0.1", 53)])).toEqual({
    close: ["tcp 127.0.0.1 53 <- web at 127.0.0.1"],
    keep: [],
    open: ["udp 127.0.0.1 53 <- web at 127.0.0.1"],
  });
});
