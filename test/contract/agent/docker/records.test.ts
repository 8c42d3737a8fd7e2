/** What dockerd's own records say about containers that it starts by itself. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bindSourcesOf } from "../../../../src/agent/docker/mounts.ts";
import { recordOf, sourcesOfRestarting, volumeSources } from "../../../../src/agent/docker/records.ts";

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

test("what a container has of others is found, a folder and a volume that is one, also by who starts by itself", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-records-"));
  const [id, broken] = ["c".repeat(64), "d".repeat(64)];
  const places = { containers: join(folder, "containers"), volumes: join(folder, "volumes") };
  const write = async (path: string, value: object): Promise<void> =>
    void (await Bun.write(join(folder, path), JSON.stringify(value)));
  try {
    await write("volumes/site/opts.json", { MountOpts: "bind", MountDevice: "/tmp/site" });
    const MountPoints = {
      "/a": { Type: "bind", Source: "/tmp/a", Name: "" },
      "/s": { Type: "volume", Source: "/var/lib/docker/volumes/site/_data", Name: "site", Driver: "local" },
      "/t": { Type: "tmpfs" },
    };
    const host = { RestartPolicy: { Name: "always" }, VolumesFrom: ["gone:ro"], Binds: ["/tmp/own:/own"] };
    for (const each of [id, broken]) await write(`containers/${each}/hostconfig.json`, host);
    await write(`containers/${id}/config.v2.json`, { Name: "/taker", State: { Running: false }, MountPoints });
    await write(`containers/${broken}/config.v2.json`, {
      Name: "/x",
      State: { Running: false },
      MountPoints: { "/a": 7 },
    });
    const own = { path: "/tmp/own", createMissing: true };
    const a = { path: "/tmp/a", createMissing: false };
    const site = { path: "/tmp/site", createMissing: false };
    const found = await recordOf(id, places.containers);
    expect(bindSourcesOf(found?.HostConfig ?? {})).toEqual([own, a]);
    expect(await volumeSources(found?.HostConfig ?? {}, places.volumes)).toEqual([site]);
    expect(await sourcesOfRestarting(places.containers, places.volumes)).toEqual([own, a, site]);
    expect(await recordOf(broken, places.containers)).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a Docker that has never run has none", async () => {
  expect(await sourcesOfRestarting("/nowhere/at/all")).toEqual([]);
});

test("one container is found by its whole id, as Docker would describe it, and by nothing else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-records-"));
  const id = "0123456789abcdef".repeat(4);
  const [half, strange] = ["a".repeat(64), "b".repeat(64)];
  try {
    const mount = { Type: "bind", Source: "/tmp/b", Target: "/y", BindOptions: { CreateMountpoint: true } };
    const PortBindings = { "80/tcp": [{ HostIp: "", HostPort: "8080" }] };
    const host = { Binds: ["/tmp/a:/x:ro"], Mounts: [mount], NetworkMode: "shop", PortBindings, AutoRemove: true };
    const own = { ID: id, Name: "/web", State: { Running: false, Pid: 0 }, Config: {} };
    for (const name of [id, half, "name"]) await Bun.write(join(folder, name, "hostconfig.json"), JSON.stringify(host));
    for (const name of [id, "name"]) await Bun.write(join(folder, name, "config.v2.json"), JSON.stringify(own));
    await Bun.write(join(folder, strange, "hostconfig.json"), JSON.stringify({ PortBindings: 7 }));
    await Bun.write(join(folder, strange, "config.v2.json"), JSON.stringify(own));
    const found = await recordOf(id, folder);
    expect(found).toMatchObject({ Id: id, Name: "/web", State: { Running: false } });
    expect(found?.HostConfig).toMatchObject({ NetworkMode: "shop", AutoRemove: true, PortBindings });
    expect(bindSourcesOf(found?.HostConfig ?? {})).toEqual([
      { path: "/tmp/a", createMissing: true },
      { path: "/tmp/b", createMissing: true },
    ]);
    const others = ["name", "../records", id.slice(1), id.replace("0", "1"), half, strange];
    expect(await Promise.all(others.map((other) => recordOf(other, folder)))).toEqual(others.map(() => undefined));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a volume that is a folder of the host is found by what Docker was told of it, for who starts by itself too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-records-"));
  try {
    const volume = async (name: string, text: string): Promise<void> =>
      void (await Bun.write(join(folder, "volumes", name, "opts.json"), text));
    await volume(
      "site",
      JSON.stringify({ MountType: "none", MountOpts: "bind,ro", MountDevice: "/tmp/site/", Quota: {} }),
    );
    await volume("nfs", JSON.stringify({ MountType: "nfs", MountOpts: "addr=192.0.2.1", MountDevice: ":/x" }));
    await volume("odd", JSON.stringify({ MountOpts: "bind", MountDevice: "no/path" }));
    await volume("half", '{"MountOpts":');
    const Binds = ["site:/a", "nfs:/b", "odd:/c", "half:/d", "none:/e", "/tmp/x:/f"];
    const site = { path: "/tmp/site", createMissing: false };
    expect(await volumeSources({ Binds }, join(folder, "volumes"))).toEqual([site]);
    const record = JSON.stringify({ RestartPolicy: { Name: "always" }, Binds });
    await Bun.write(join(folder, "containers/a/hostconfig.json"), record);
    expect(await sourcesOfRestarting(join(folder, "containers"), join(folder, "volumes"))).toEqual([
      { path: "/tmp/x", createMissing: true },
      site,
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
