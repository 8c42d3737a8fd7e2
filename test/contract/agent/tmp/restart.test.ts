/** What dockerd's own records say about containers that it starts by itself. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sourcesOfRestarting } from "../../../../src/agent/tmp/restart.ts";

test("the mounts of containers with a restart policy are found, whatever else lies there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-records-"));
  try {
    const record = (name: string, value: string): Promise<number> =>
      Bun.write(join(folder, name, "hostconfig.json"), value);
    const of = (policy: unknown, more: object): string => JSON.stringify({ RestartPolicy: policy, ...more });
    await record("a", of({ Name: "always" }, { Binds: ["/tmp/a:/x", "volume:/y"], Mounts: null }));
    await record("b", of({ Name: "unless-stopped" }, { Mounts: [{ Type: "bind", Source: "/tmp/b" }] }));
    await record("c", of({ Name: "no" }, { Binds: ["/tmp/c:/x"] }));
    await record("d", of(null, { Binds: ["/tmp/d:/x"] }));
    await record("e", "half a reco");
    await mkdir(join(folder, "f"));
    const sources = await sourcesOfRestarting(folder);
    expect(sources.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: "/tmp/a", createMissing: true },
      { path: "/tmp/b", createMissing: false },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a Docker that has never run has none", async () => {
  expect(await sourcesOfRestarting("/nowhere/at/all")).toEqual([]);
});
