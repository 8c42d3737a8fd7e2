/** What a person sees of a VM and takes from it: ports as they change, why they are so, mounts, and copies both ways. */
import { expect } from "bun:test";
import { chmod, mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { page } from "../../support/busybox.ts";
import type { Conversation } from "../../support/conversation.ts";
import { freePort, until } from "../../support/until.ts";
import type { Vm, VmTest } from "../../support/vm.ts";

const server = ["httpd", "-f", "-p", "80", "-h", "/www"];

/** A line of `qn ports --watch --json`. */
type Change = { readonly hostIp: string; readonly state: string; readonly bytes: number };

/** The next change on IPv4; ::1 tells the same. */
async function nextOnIpv4(watch: Conversation): Promise<Change> {
  for (;;) {
    const change = JSON.parse(await watch.nextLine(60_000)) as Change;
    if (change.hostIp === "127.0.0.1") return change;
  }
}

async function why(vm: Vm, port: string): Promise<{ reasons: { rule: string; text: string }[]; notes: string[] }> {
  const { reasons, notes } = JSON.parse(await vm.qn("why", port, "--json")) as Awaited<ReturnType<typeof why>>;
  return { reasons, notes };
}

/** ports --watch, why, mounts and cp. */
export function viewTests(test: VmTest): void {
  test("whoever watches the ports is told of a forward, of what it carries, and of its end", async (vm) => {
    const port = await freePort();
    await using json = vm.converse(["qn", "ports", "--watch", "--json"]);
    await using lines = vm.converse(["qn", "ports", "-w"]);
    await vm.docker("run", "--detach", "--init", "--name", "seen", "--publish", `${port}:80`, "busybox", ...server);
    const forward = { protocol: "tcp", hostPort: port, container: "seen", error: null };
    expect(await nextOnIpv4(json)).toMatchObject({ ...forward, state: "open", connections: 0, bytes: 0 });
    const first = `tcp 127.0.0.1:${port} seen open, 0 connections, 0 B`;
    expect(await lines.nextLine(60_000)).toBe(first);
    const fetched = await until("the page", 20_000, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(20_000) }).catch(
        () => {},
      );
      return await response?.text();
    });
    expect(fetched).toBe(page);
    let change = await nextOnIpv4(json);
    while (change.bytes < page.length) change = await nextOnIpv4(json);
    expect(change).toMatchObject({ ...forward, state: "open" });
    await vm.docker("rm", "--force", "seen");
    while (change.state === "open") change = await nextOnIpv4(json);
    expect(change).toMatchObject({ ...forward, state: "closed" });
    json.kill("SIGINT");
    expect(await json.end()).toBe(0);
  });

  test("why says who has a port, who wants it, and which rule decided", async (vm) => {
    const port = await freePort();
    const container = 'container "wants" of the VM "default"';
    await vm.docker("create", "--init", "--name", "wants", "--publish", `${port}:80`, "busybox", ...server);
    expect((await why(vm, `${port}`)).reasons).toEqual([
      { rule: "docker", text: `The ${container} is created now, and gets port ${port}/tcp when it starts.` },
    ]);
    const taken = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const [owner, wanting] = (await why(vm, `${port}/tcp`)).reasons;
    expect(owner).toEqual({
      rule: "other",
      text: expect.stringContaining(`(pid ${process.pid}) holds port ${port}/tcp on 127.0.0.1.`),
    });
    expect(wanting).toEqual({
      rule: "taken",
      text: expect.stringContaining("when it starts, which fails as long as "),
    });
    taken.stop(true);
    await vm.docker("start", "wants");
    const [forwarded] = (await why(vm, `${port}`)).reasons;
    expect(forwarded?.rule).toBe("ports.bind");
    expect(forwarded?.text).toContain(
      `Port ${port}/tcp is forwarded to the ${container}: it listens on 127.0.0.1 and ::1, `,
    );
    expect((await why(vm, `${port}/udp`)).reasons).toEqual([
      {
        rule: "none",
        text: `Nobody holds port ${port}/udp on this machine, and no container that qn can see wants it.`,
      },
    ]);
    await vm.docker("rm", "--force", "wants");
  });

  test("why answers beside a VM that is broken and one that is stopped, and knows qn's own ports", async (vm) => {
    for (const name of ["broken", "idle"]) await mkdir(join(vm.home, name));
    await writeFile(join(vm.home, "broken/config.yaml"), "cpus: many\n");
    const { ssh } = JSON.parse(await vm.qn("status", "--json")) as { ssh: { port: number } };
    const { reasons, notes } = await why(vm, `${ssh.port}`);
    expect(reasons).toEqual([{ rule: "qn", text: expect.stringContaining("it is the VM's own way in, for ssh.") }]);
    expect(notes).toEqual([
      'The VM "broken" could not be asked: A setting is wrong.',
      'The VM "idle" is stopped; what its containers publish shows only while it runs.',
    ]);
    await vm.succeed(["rm", "-r", join(vm.home, "broken"), join(vm.home, "idle")]);
  });

  test("mounts shows each share, and every container that uses it", async (vm) => {
    const folder = join(vm.inTmp, "data");
    await mkdir(folder);
    const volumes = ["--volume", `${folder}:/data:ro`, "--volume", `${vm.inHome}:/home-of-test`];
    await vm.docker("create", "--name", "user", ...volumes, "busybox", "true");
    const isVirtiofs = process.platform === "linux" && process.env["QN_FILES_DRIVER"] !== "9p";
    const driver = isVirtiofs ? "virtiofs" : "9p";
    type Mounts = { readonly schema: number; readonly mounts: object[]; readonly containerMounts: object[] };
    const { schema, mounts, containerMounts } = JSON.parse(await vm.qn("mounts", "--json")) as Mounts;
    expect([schema, mounts]).toEqual([
      1,
      [
        { path: homedir(), readOnly: false, driver, security: "none", cache: isVirtiofs ? "mmap" : "none" },
        { path: "/tmp", readOnly: false, driver, security: "none", cache: "none" },
      ],
    ]);
    const used = { container: "user", state: "created" };
    const expected = [
      { ...used, source: folder, mount: "/tmp", destination: "/data", readOnly: true },
      { ...used, source: vm.inHome, mount: homedir(), destination: "/home-of-test", readOnly: false },
    ];
    expect(containerMounts).toEqual(expect.arrayContaining(expected));
    expect(containerMounts).toHaveLength(2);
    expect(await vm.qn("mounts")).toContain(folder);
    await vm.docker("rm", "--force", "user");
  });

  test("a folder goes to the guest and comes back as it was", async (vm) => {
    const folder = join(vm.inHome, "it's a folder");
    await mkdir(join(folder, "sub"), { recursive: true });
    await writeFile(join(folder, "größe"), "x".repeat(3_000_000));
    await writeFile(join(folder, "sub/run"), "#!/bin/sh\necho ran\n");
    await chmod(join(folder, "sub/run"), 0o750);
    await utimes(join(folder, "größe"), 1, 981_173_106.125);
    await symlink("sub/run", join(folder, "link"));
    // Not below the home folder or /tmp, which both sides share.
    await vm.qn("cp", folder, "default:/var/tmp/copied");
    expect(await vm.qn("ssh", "--", "/var/tmp/copied/link")).toBe("ran");
    await vm.qn("cp", "-r", "default:/var/tmp/copied", vm.inTmp);
    const back = join(vm.inTmp, "copied");
    expect((await readdir(back, { recursive: true })).toSorted()).toEqual(["größe", "link", "sub", "sub/run"]);
    expect(await readFile(join(back, "größe"), "utf8")).toBe("x".repeat(3_000_000));
    const facts = async (path: string): Promise<unknown[]> => {
      const { mode, mtimeMs } = await stat(path);
      return [mode, mtimeMs];
    };
    for (const name of ["größe", "sub", "sub/run", "link"]) {
      expect([name, ...(await facts(join(back, name)))]).toEqual([name, ...(await facts(join(folder, name)))]);
    }
  });

  test("root in the guest writes to no file of this machine's by a copy or a report", async (vm) => {
    const asRoot = ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default"];
    const mine = join(vm.inHome, "mine");
    await writeFile(mine, "mine", { mode: 0o600 });
    // What `qn cp` starts in the guest is a program of its root's.
    const program = `#!/bin/sh\nmkdir -p /run/evil; ln -sf ${mine} /run/evil/x; exec /usr/bin/tar -C /run/evil -cf - ./x\n`;
    await vm.succeed([...asRoot, "cat >/usr/local/bin/tar && chmod 755 /usr/local/bin/tar"], {
      stdin: Buffer.from(program),
    });
    const place = join(vm.inTmp, "place");
    await mkdir(place);
    for (const destination of [place, join(place, "x"), place]) {
      const { exitCode, stderr } = await vm.fail(["qn", "cp", "root@default:/etc/hostname", destination]);
      expect([exitCode, stderr]).toEqual([60, expect.stringContaining("something else than it had announced")]);
    }
    await vm.succeed([...asRoot, "rm /usr/local/bin/tar"]);
    // The guest sees this folder, and has put a link where the report is to be.
    const output = join(vm.inHome, "report.tar.gz");
    await vm.succeed([...asRoot, `ln -s ${mine} ${output}`]);
    expect((await vm.fail(["qn", "report", "--output", output])).stderr).toContain("is there already");
    expect([await readdir(place), await readFile(mine, "utf8"), (await stat(mine)).mode & 0o777]).toEqual([
      [],
      "mine",
      0o600,
    ]);
    await vm.qn("report", "--output", join(vm.inHome, "other.tar.gz"));
    expect((await stat(join(vm.inHome, "other.tar.gz"))).mode & 0o777).toBe(0o600);
  });

  test("a copy that the guest has no room or no right for leaves nothing, and says where", async (vm) => {
    const file = join(vm.inHome, "large");
    await writeFile(file, Buffer.alloc(3_000_000, 1));
    const asRoot = ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default"];
    await vm.succeed([...asRoot, "mkdir /mnt/small && mount -t tmpfs -o size=1m,mode=1777 none /mnt/small"]);
    const full = await vm.fail(["qn", "cp", file, "default:/mnt/small/copy"]);
    expect(full.exitCode).toBe(60);
    expect(full.stderr).toContain('There is no space left at "/mnt/small/copy" in the VM "default".');
    expect(await vm.succeed([...asRoot, "ls -A /mnt/small; umount /mnt/small"])).toBe("");
    const refused = await vm.fail(["qn", "cp", "default:/etc/shadow", join(vm.inHome, "shadow")]);
    expect([refused.exitCode, refused.stderr.includes("Permission denied")]).toEqual([60, true]);
    expect(await readdir(vm.inHome)).not.toContain("shadow");
  });
}
