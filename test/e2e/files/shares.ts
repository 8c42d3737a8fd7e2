/** Which folders are shared, where, and what is refused. */
import { expect } from "bun:test";
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { hostTimeZone } from "../../../src/host/supervisor/boot/time-zone.ts";
import { runPlain, type VmTest } from "../../support/vm.ts";
import { inContainer, oddPaths } from "./where.ts";

/** Shares as the settings name them. */
export function shareTests(test: VmTest): void {
  test("a share may have any letters in its path", async (vm) => {
    const volumes = oddPaths.flatMap((name, index) => ["--volume", `${join(vm.inHome, name)}:/mnt${index}`]);
    await Promise.all(oddPaths.map((name) => Bun.write(join(vm.inHome, name, "from-host"), name)));
    const script = "for i in 0 1 2; do cat /mnt$i/from-host >/mnt$i/back; df /mnt$i | tail -1 | cut -d' ' -f1; done";
    const tags = await vm.docker(...runPlain, "--rm", ...volumes, "busybox", "sh", "-c", script);
    // Each is a share of its own, and not only a folder of the home folder's.
    expect(new Set(tags.split("\n")).size).toBe(3);
    const back = await Promise.all(oddPaths.map((name) => Bun.file(join(vm.inHome, name, "back")).text()));
    expect(back).toEqual([...oddPaths]);
  });

  test("a read-only share inside a share stays read-only, for root in the guest too, and a link leads to both", async (vm) => {
    await Bun.write(join(vm.inHome, "outer/inner/file"), "inner\n");
    const script = "cat /mnt/inner/file; touch /mnt/made; touch /mnt/inner/made 2>&1 || true";
    for (const name of ["outer", "link"]) {
      expect(await inContainer(vm, name, script)).toBe("inner\ntouch: /mnt/inner/made: Read-only file system");
    }
    // The guest's own flag can be taken away by its root; the host refuses nevertheless.
    const inner = join(vm.inHome, "outer/inner");
    const asRoot = `sudo mount -o remount,rw "$0" && sudo touch "$0/made"`;
    const refused = await vm.fail(["qn", "ssh", "--", "sh", "-c", asRoot, inner]);
    expect(refused.stderr).toContain("Read-only file system");
    expect([await readdir(inner), (await readdir(join(vm.inHome, "outer"))).toSorted()]).toEqual([
      ["file"],
      ["inner", "made"],
    ]);
  });

  test("a source that no share covers is refused with the way to share it, whoever asks", async (vm) => {
    const sentence = (path: string): string =>
      `"${path}" is not mounted from the host. \`qn down\` and \`qn up --mount ${path}\` mount it until the next start, ` +
      `"mounts" in ${vm.home}/default/config.yaml does so for good.`;
    for (const [path, ...words] of [
      ["/opt/qn-nowhere", "--volume", "/opt/qn-nowhere:/mnt"],
      ["/srv", "--volume", "/srv:/mnt"],
      ["/opt/qn-nowhere", "--mount", "type=bind,source=/opt/qn-nowhere,target=/mnt"],
    ] as const) {
      const { stderr } = await vm.fail(["docker", "run", "--rm", ...words, "busybox", "true"]);
      expect(stderr).toContain(sentence(path));
    }
    const whole = await vm.fail(["docker", "run", "--rm", "--volume", "/tmp:/mnt", "busybox", "true"]);
    expect(whole.stderr).toContain('"/tmp" as a whole is the guest\'s own');
  });

  test("a volume that binds a folder shows the host's or is refused, and so is a link that leads out of a share", async (vm) => {
    const options = (device: string) => ["type=none", "o=bind", `device=${device}`].flatMap((each) => ["--opt", each]);
    const folder = join(vm.inTmp, "by-volume");
    await Bun.write(join(folder, "here"), "from the host\n");
    await vm.docker("volume", "create", ...options(folder), "by-volume");
    const script = "cat /mnt/here; echo from the container >/mnt/back";
    const run = [...runPlain, "--rm", "--volume", "by-volume:/mnt", "busybox", "sh", "-c", script];
    expect(await vm.docker(...run)).toBe("from the host");
    expect(await Bun.file(join(folder, "back")).text()).toBe("from the container\n");
    const elsewhere = "/opt/qn-nowhere";
    const refused = await vm.fail(["docker", "volume", "create", ...options(elsewhere)]);
    expect(refused.stderr).toContain(`"${elsewhere}" is not mounted from the host. \`qn down\` and \`qn up --mount`);
    // The layers of an overlay come to dockerd in its options, too.
    await Bun.write(join(vm.inHome, "layer/there"), "from the other layer\n");
    const layers = (one: string): string[] => [
      "type=overlay",
      `o=lowerdir=${one}:${vm.inHome}/layer`,
      "device=overlay",
    ];
    const overlay = (one: string): string[] => ["volume", "create", ...layers(one).flatMap((each) => ["--opt", each])];
    await Bun.write(join(vm.inTmp, "layer/here"), "from one layer\n");
    await vm.docker(...overlay(join(vm.inTmp, "layer")), "layers");
    const both = [...runPlain, "--rm", "--volume", "layers:/mnt", "busybox", "cat", "/mnt/here", "/mnt/there"];
    expect(await vm.docker(...both)).toBe("from one layer\nfrom the other layer");
    expect((await vm.fail(["docker", ...overlay(elsewhere)])).stderr).toContain(`"${elsewhere}" is not mounted`);
    const link = join(vm.inHome, "leads-out");
    await symlink(elsewhere, link);
    const { stderr } = await vm.fail(["docker", "run", "--rm", "--volume", `${link}:/mnt`, "busybox", "true"]);
    expect(stderr).toContain(`"${link}" leads to "${elsewhere}", which is not mounted from the host.`);
  });

  test("what belongs to the guest's system is mounted from there, and every path of Docker's socket is its socket", async (vm) => {
    const system = ["/", "/proc", "/sys", "/dev", "/lib/modules", "/var/lib/docker", "/var/log", "/etc/os-release"];
    const sockets = ["/var/run/docker.sock", "/run/docker.sock", join(vm.folder, "docker.sock")];
    const volumes = [...system, ...sockets].flatMap((path, index) => ["--volume", `${path}:/m/${index}:ro`]);
    const script = "test -d /m/0/etc && test -e /m/1/1 && for i in 8 9 10; do test -S /m/$i && echo socket; done";
    const said = await vm.docker(
      ...runPlain,
      "--rm",
      ...volumes,
      "--volume",
      "named:/data",
      "busybox",
      "sh",
      "-c",
      script,
    );
    expect(said).toBe("socket\nsocket\nsocket");
    // The host's /tmp as a whole has a path of its own.
    const entry = `/mnt/${basename(vm.inTmp)}`;
    expect(await vm.docker(...runPlain, "--rm", "--volume", "/run/qn/tmp:/mnt", "busybox", "ls", "-d", entry)).toBe(
      entry,
    );
  });

  test("the guest's own names, number, people and authorities are mounted, and the host's time zone, by rules and by name", async (vm) => {
    const own = ["/etc/hosts", "/etc/machine-id", "/etc/passwd", "/etc/group", "/etc/ssl/certs/ca-certificates.crt"];
    const here = await hostTimeZone();
    const all = [...own, "/etc/localtime", ...(here?.name === undefined ? [] : ["/etc/timezone"])];
    const volumes = all.flatMap((path) => ["--volume", `${path}:/m${path}:ro`]);
    const sums = `md5sum ${own.map((path) => `.${path}`).join(" ")}`;
    const script = `cd /m && ${sums}; base64 -w 0 etc/localtime; echo; cat etc/timezone 2>/dev/null; true`;
    const said = await vm.docker(...runPlain, "--rm", ...volumes, "busybox", "sh", "-c", script);
    const ofGuest = (await vm.qn("ssh", "--", "sh", "-c", `cd / && ${sums}`)).split("\n");
    expect(said.split("\n").slice(0, own.length)).toEqual(ofGuest);
    expect(ofGuest.join("\n")).not.toContain((await sumOf("/etc/machine-id")) ?? "nothing");
    if (here === undefined) return;
    const zone = here.name === undefined ? [here.rules] : [here.rules, here.name];
    expect(said.split("\n").slice(own.length)).toEqual(zone);
  });

  test("the zones of the world are the guest's, and what its system has not is an error and no empty folder", async (vm) => {
    const zones = ["--volume", "/usr/share/zoneinfo:/usr/share/zoneinfo:ro"];
    const berlin = ["TZ=:/usr/share/zoneinfo/Europe/Berlin", "date", "-d", "@0", "+%H%Z"];
    expect(await vm.docker(...runPlain, "--rm", ...zones, "busybox", "env", ...berlin)).toBe("01CET");
    const none = "/usr/share/there-is-none";
    const { stderr } = await vm.fail(["docker", "run", "--rm", "--volume", `${none}:/mnt:ro`, "busybox", "true"]);
    expect(stderr).toContain(`"${none}" is not there in the guest of qn. It lies in a folder that the guest has`);
  });

  test("a mount that a container makes stays in the guest, also where the host would have it", async (vm) => {
    const folder = join(vm.inHome, "rshared");
    await mkdir(join(folder, "below"), { recursive: true });
    await Bun.write(join(folder, "below/of-host"), "");
    const script = "mount -t tmpfs none /mnt/below && touch /mnt/below/of-container";
    const shared = ["--privileged", "--volume", `${folder}:/mnt:rshared`];
    await vm.docker(...runPlain, "--rm", ...shared, "busybox", "sh", "-c", script);
    expect(await vm.qn("ssh", "--", "ls", join(folder, "below"))).toBe("of-container");
    expect(await readdir(join(folder, "below"))).toEqual(["of-host"]);
    await vm.qn("ssh", "--", "sudo", "umount", join(folder, "below"));
  });

  test("a missing folder of -v is made on the host, however deep, and --mount makes nothing", async (vm) => {
    await inContainer(vm, "not/there/yet", "echo made >/mnt/file");
    expect(await Bun.file(join(vm.inHome, "not/there/yet/file")).text()).toBe("made\n");
    const mount = `type=bind,source=${join(vm.inHome, "missing")},target=/mnt`;
    const refused = await vm.fail(["docker", "run", "--rm", "--mount", mount, "busybox", "true"]);
    expect(refused.stderr).toContain(`bind source path does not exist: ${join(vm.inHome, "missing")}`);
    await mkdir(join(vm.inHome, "missing"));
    expect(await inContainer(vm, "missing", "ls /mnt")).toBe("");
  });
}

// --- internal ---

/** The MD5 of a file of this machine, as md5sum writes it; nothing where there is none. */
async function sumOf(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes === undefined ? undefined : new Bun.CryptoHasher("md5").update(bytes).digest("hex");
}
