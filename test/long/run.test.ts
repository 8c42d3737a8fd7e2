/** `qn run` with a real guest: a Docker of the command's own, which has nothing of another one's and leaves nothing. */
import { expect } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf } from "../../src/host/layout.ts";
import { busyboxArchive } from "../support/busybox.ts";
import { processesWith } from "../support/fake-vm.ts";
import { until } from "../support/until.ts";
import { testWithVm, unbornVm, type Vm } from "../support/vm.ts";

const limitMs = 900_000;
const run = ["qn", "run", "--memory", "1536"] as const;

/** No VM yet, but a template, and an image. */
const test = testWithVm(async () => {
  const vm = await unbornVm();
  await busyboxArchive(vm.inTmp);
  await vm.succeed([...run, "--", "true"]);
  return vm;
});

function archiveOf(vm: Vm): string {
  return join(vm.inTmp, "busybox.tar");
}

/** A script for the command: it gives its Docker busybox, and then does what follows. */
async function scriptOf(vm: Vm, name: string, ...lines: readonly string[]): Promise<string> {
  const path = join(vm.inTmp, name);
  const load = `docker import --change 'ENV PATH=/bin' ${archiveOf(vm)} busybox > /dev/null`;
  await writeFile(path, ["set -e", load, ...lines, ""].join("\n"));
  return path;
}

async function kinds(vm: Vm): Promise<string[]> {
  return (await readdir(layoutOf(vm.home).throwaways)).map((name) => name.slice(0, 2));
}

test(
  "two at once have numbers, keys and disks of their own, and of this machine what was named",
  async (vm) => {
    const [readable, writable] = [join(vm.inHome, "readable"), join(vm.inHome, "writable")];
    for (const folder of [readable, writable]) await mkdir(folder);
    await writeFile(join(readable, "there"), "");
    const script = await scriptOf(
      vm,
      "who.sh",
      'boot=$(dirname "${DOCKER_HOST#unix://}")/boot.json',
      'port=$(sed \'s/.*"sshPort":\\([0-9]*\\).*/\\1/\' "$boot")',
      "docker run --rm --network host -v /etc/machine-id:/id:ro busybox sh -c 'cat /id /proc/sys/kernel/random/uuid'",
      `docker run --rm --network host -v ${readable}:/r -v ${writable}:/w busybox sh -c 'ls /r; touch /r/no 2>/dev/null || echo refused; echo x > /w/'$$`,
      `docker run --rm -v ${vm.inHome}/other:/o busybox true 2> /dev/null || echo unseen`,
      "docker volume create kept > /dev/null; docker volume ls -q",
      'for try in 1 2 3 4 5 6 7 8 9 10; do key=$(ssh-keyscan -t ed25519 -p "$port" 127.0.0.1 2> /dev/null | cut -d" " -f3); [ -n "$key" ] && break; sleep 1; done',
      'echo "$key"; cut -d" " -f2 "$(dirname "$boot")/ssh_host_ed25519_key.pub"',
    );
    const mounts = ["--mount", `${readable}:ro`, "--mount", writable];
    const both = await Promise.all([1, 2].map(() => vm.succeed([...run, ...mounts, "--", "sh", script])));
    const [one = [], other = []] = both.map((text) => text.split("\n"));
    for (const lines of [one, other]) {
      expect(lines.slice(0, 2)).toEqual([
        expect.stringMatching(/^[0-9a-f]{32}$/),
        expect.stringMatching(/^[0-9a-f]{8}-/),
      ]);
      expect(lines.slice(2, 6)).toEqual(["there", "refused", "unseen", "kept"]);
      expect(lines[6]).toBe(lines[7] ?? "");
    }
    for (const line of [0, 1, 6]) expect(one[line]).not.toBe(other[line] ?? "");
    expect((await readdir(writable)).length).toBe(2);
    expect([await kinds(vm), await processesWith(layoutOf(vm.home).throwaways)]).toEqual([["t-"], []]);
    const [id = ""] = await readdir(layoutOf(vm.home).throwaways);
    const { memory, suspended, folder } = layoutOf(vm.home).throwaway(id);
    expect([memory, suspended, folder].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600, 0o700]);
  },
  limitMs,
);

test(
  "with --network none root in the guest reaches neither this machine nor a name, and a published port answers",
  async (vm) => {
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("reached") });
    const request = `printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 5 10.0.2.2 ${server.port} 2> /dev/null | tail -n 1`;
    const script = await scriptOf(
      vm,
      "network.sh",
      // As root may whose guest has got no route.
      `docker run --rm --privileged --network host busybox sh -c 'ip route replace default via 10.0.2.2; ${request}; nslookup localhost.test | tail -n 2; echo end'`,
      "docker run --detach --name web --publish 127.0.0.1:0:80 busybox httpd -f -p 80 -h /www > /dev/null",
      'curl --silent "http://$(docker port web 80)"',
    );
    const seen = async (network: string): Promise<string> =>
      await vm.succeed([...run, "--network", network, "--", "sh", script]);
    expect(await seen("all")).toMatch(/^reached[^]*end\n/);
    const closed = await seen("none");
    expect(closed).not.toContain("reached");
    expect(closed).toMatch(/REFUSED[^]*end\nhello from the guest/);
    expect(await kinds(vm)).toEqual(["t-"]);
  },
  limitMs,
);

test(
  "whoever is killed, QEMU or qn, leaves nothing running, and the template as it was",
  async (vm) => {
    const note = join(vm.inTmp, "began");
    const script = await scriptOf(
      vm,
      "stay.sh",
      `echo "$DOCKER_HOST" > ${note}.part; mv ${note}.part ${note}`,
      "exec sleep 1000",
    );
    await using first = vm.converse([...run, "--", "sh", script]);
    const folder = await until("a command that runs", limitMs, async () =>
      existsSync(note)
        ? (await readFile(note, "utf8")).trim().replace(/^unix:\/\/(.*)\/docker\.sock$/, "$1")
        : undefined,
    );
    first.kill("SIGKILL");
    await until("the end of QEMU and its files", 60_000, async () =>
      (await processesWith(folder)).length === 0 && !existsSync(folder) ? true : undefined,
    );
    const end = await scriptOf(
      vm,
      "end.sh",
      'kill -9 "$(sed \'s/.*"qemuPid":\\([0-9]*\\).*/\\1/\' "$(dirname "${DOCKER_HOST#unix://}")/boot.json")"',
      'while [ -S "${DOCKER_HOST#unix://}" ]; do sleep 0.2; done',
      "exit 5",
    );
    const { exitCode, stderr } = await vm.fail([...run, "--", "sh", end]);
    expect([exitCode, stderr]).toEqual([5, expect.stringContaining("The command's Docker is gone.")]);
    expect(await vm.succeed([...run, "--", "docker", "ps", "-q"])).toBe("");
    expect([await kinds(vm), await processesWith(layoutOf(vm.home).throwaways)]).toEqual([["t-"], []]);
  },
  limitMs,
);

test(
  "a copy of a VM begins with its images, and that VM has nothing of what the copy does",
  async (vm) => {
    await vm.qn("up", "--cpus", "2", "--memory", "1536");
    await vm.docker("import", "--change", "ENV PATH=/bin", archiveOf(vm), "busybox");
    await vm.qn("down");
    const words = [...run, "--from", "default", "--", "docker"];
    expect(await vm.succeed([...words, "run", "--rm", "-v", "new:/n", "busybox", "echo", "there"])).toBe("there");
    expect(await vm.succeed([...words, "volume", "ls", "-q"])).toBe("");
  },
  limitMs,
);
