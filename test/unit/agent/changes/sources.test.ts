/** What running containers mount, as the host is told. */
import { expect, test } from "bun:test";
import { mountSourcesOf } from "../../../../src/agent/changes/sources.ts";
import { mountSourcesMax } from "../../../../src/protocol/messages.ts";

const container = (...Mounts: { Type: string; Source: string }[]) => ({ Id: "f00d", Names: [], Ports: [], Mounts });
const bind = (Source: string) => ({ Type: "bind", Source });

test("bind mounts are told once each, volumes are not", () => {
  const volume = { Type: "volume", Source: "/var/lib/docker/volumes/v/_data" };
  expect(mountSourcesOf([container(bind("/tmp/b"), volume), container(bind("/tmp/a"), bind("/tmp/b"))])).toEqual([
    "/tmp/a",
    "/tmp/b",
  ]);
});

test("no more are told than a report may have", () => {
  const binds = Array.from({ length: mountSourcesMax + 1 }, (_unused, index) => bind(`/tmp/${index}`));
  expect(mountSourcesOf([container(...binds)])).toHaveLength(mountSourcesMax);
});
