/** What dockerd's own records say about containers that it starts by itself. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sourcesOfRecord, sourcesOfRestarting } from "../../../../src/agent/docker/records.ts";

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

test("the mounts of one container are found by its whole id, and by nothing else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-records-"));
  const id = "0123456789abcdef".repeat(4);
  try {
    const mount = { Type: "bind", Source: "/tmp/b", Target: "/y", BindOptions: { CreateMountpoint: true } };
    const record = { Binds: ["/tmp/a:/x:ro"], Mounts: [mount, { Type: "volume", Source: "v" }] };
    await Bun.write(join(folder, id, "hostconfig.json"), JSON.stringify(record));
    await Bun.write(join(folder, "name", "hostconfig.json"), JSON.stringify(record));
    expect(await sourcesOfRecord(id, folder)).toEqual([
      { path: "/tmp/a", createMissing: true },
      { path: "/tmp/b", createMissing: true },
    ]);
    const others = ["name", "../records", id.slice(1), id.replace("0", "1")];
    expect(await Promise.all(others.map((other) => sourcesOfRecord(other, folder)))).toEqual(
      others.map(() => undefined),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
