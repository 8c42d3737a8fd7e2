/** Which requests wait for what the host has changed. */
import { expect, test } from "bun:test";
import { readsMounts, startedBy } from "../../../../src/agent/changes/request.ts";

test("what starts in a container waits, and what copies out of it; what only asks or ends does not", () => {
  const waits = (paths: readonly string[]): string[] => paths.filter((uri) => readsMounts({ uri }));
  const reading = [
    "/v1.45/containers/web/start",
    "/containers/web/restart?t=1",
    "/v1.45/containers/web/archive?path=%2Fx",
    "/v1.45/exec/f00d/start",
  ];
  expect(waits(reading)).toEqual(reading);
  const others = [
    "/containers/json",
    "/containers/web/json",
    "/containers/web/stop",
    "/exec/f00d/json",
    "/%",
    "/build",
  ];
  expect(waits(others)).toEqual([]);
});

test("a container is started by start and restart alone", () => {
  const started = (uri: string, method = "POST") => startedBy({ method, uri });
  expect([started("/v1.45/containers/web/start"), started("/containers/web/restart?t=1")]).toEqual(["web", "web"]);
  const others = [
    started("/containers/web/start", "GET"),
    started("/exec/f00d/start"),
    started("/containers/web/stop"),
  ];
  expect(others).toEqual([undefined, undefined, undefined]);
});
