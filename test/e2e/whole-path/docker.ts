/** What people do with the docker command, against a real VM. */
import { expect } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { greetingProgram } from "../../support/elf.ts";
import { within } from "../../support/until.ts";
import { runPlain, type VmTest } from "../../support/vm.ts";

/** The docker command's own work: images, streams, exit statuses. */
export function dockerTests(test: VmTest): void {
  test("docker version shows a Linux server", async (vm) => {
    expect(await vm.docker("version", "--format", "{{.Server.Os}}")).toBe("linux");
  });

  test("qn's plugin, and no other, stands in docker info", async (vm) => {
    expect(await vm.docker("info", "--format", "{{json .Plugins.Authorization}}")).toBe('["qn"]');
  });

  test("an image is built from a Dockerfile and runs", async (vm) => {
    const folder = join(vm.inHome, "build");
    await mkdir(folder);
    await Bun.write(join(folder, "greeting"), "hello\n");
    await Bun.write(
      join(folder, "Dockerfile"),
      'FROM busybox\nCOPY greeting /\nRUN tr a-z A-Z </greeting >/loud\nCMD ["cat", "/loud"]\n',
    );
    await vm.docker("build", "--quiet", "--tag", "built", folder);
    expect(await vm.docker("run", "--rm", "built")).toBe("HELLO");
  });

  test("an image of another processor runs, and needs nothing of its own for it", async (vm) => {
    const arch = process.arch === "x64" ? "aarch64" : "x86_64";
    const platform = { aarch64: "linux/arm64", x86_64: "linux/amd64" }[arch];
    const folder = join(vm.inHome, "foreign");
    await mkdir(folder);
    await writeFile(join(folder, "greet"), greetingProgram(arch), { mode: 0o755 });
    await Bun.write(join(folder, "Dockerfile"), "FROM scratch\nCOPY greet /\n");
    await vm.docker("build", "--quiet", "--platform", platform, "--tag", "foreign", folder);
    expect(await vm.docker("run", "--rm", "--platform", platform, "foreign", "/greet")).toBe(arch);
  });

  test("a container that reads its input ends when the input ends", async (vm) => {
    const command = ["docker", "run", "--rm", "--interactive", "busybox", "cat"];
    const stdin = new TextEncoder().encode("hi\n");
    expect(await within("the end of cat", 60_000, vm.succeed(command, { stdin }))).toBe("hi");
  });

  test("a megabyte goes through a container and comes back as it was", async (vm) => {
    const stdin = crypto.getRandomValues(new Uint8Array(65_536));
    const bytes = new Uint8Array(Buffer.concat(Array.from({ length: 16 }, () => stdin)));
    const sum = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    const command = [
      "docker",
      ...runPlain,
      "--rm",
      "--interactive",
      "busybox",
      "sh",
      "-c",
      "tee /copy | cat | sha256sum",
    ];
    expect(await vm.succeed(command, { stdin: bytes })).toBe(`${sum}  -`);
  });

  test("exec and run end with the exit status of the command", async (vm) => {
    await vm.docker(...runPlain, "--detach", "--name", "idle", "--init", "busybox", "sleep", "1000");
    const outcome = await vm.fail(["docker", "exec", "idle", "sh", "-c", "echo out; echo err >&2; exit 42"]);
    expect(outcome).toEqual({ exitCode: 42, stdout: "out\n", stderr: "err\n" });
    expect((await vm.fail(["docker", ...runPlain, "--rm", "busybox", "sh", "-c", "exit 7"])).exitCode).toBe(7);
    const stdin = new TextEncoder().encode("through exec\n");
    expect(await vm.succeed(["docker", "exec", "--interactive", "idle", "cat"], { stdin })).toBe("through exec");
  });

  test("a container may open 1,048,576 files, as with Docker's own packages, and not a billion", async (vm) => {
    const limits = ["sh", "-c", "ulimit -Sn; ulimit -Hn"];
    expect(await vm.docker(...runPlain, "--rm", "busybox", ...limits)).toBe("1048576\n1048576");
  });

  test("attach talks with a container and ends with its exit status", async (vm) => {
    const loop = 'while read word; do echo "got $word"; [ "$word" = end ] && exit 9; done';
    await vm.docker(...runPlain, "--detach", "--interactive", "--name", "talker", "busybox", "sh", "-c", loop);
    await using attached = vm.converse(["docker", "attach", "talker"]);
    attached.say("one\n");
    expect(await attached.nextLine()).toBe("got one");
    attached.say("end\n");
    expect(await attached.nextLine()).toBe("got end");
    expect(await attached.end()).toBe(9);
  });

  test("logs -f shows each line as it comes and ends with the container", async (vm) => {
    const script = "echo first; while [ ! -e /go ]; do sleep 0.1; done; echo second";
    await vm.docker(...runPlain, "--detach", "--name", "chatty", "busybox", "sh", "-c", script);
    await using following = vm.converse(["docker", "logs", "--follow", "chatty"]);
    expect(await following.nextLine()).toBe("first");
    await vm.docker("exec", "chatty", "touch", "/go");
    expect(await following.nextLine()).toBe("second");
    expect(await following.end()).toBe(0);
  });

  test("events sees a container start", async (vm) => {
    const filters = ["--filter", "container=seen", "--filter", "event=start"];
    const format = "{{.Actor.Attributes.name}} {{.Action}}";
    await using events = vm.converse(["docker", "events", "--since", "1m", ...filters, "--format", format]);
    await vm.docker(...runPlain, "--rm", "--name", "seen", "busybox", "true");
    expect(await events.nextLine()).toBe("seen start");
  });

  test("cp copies files both ways", async (vm) => {
    await vm.docker("create", "--name", "box", "busybox", "true");
    await Bun.write(join(vm.inHome, "there"), "there and back\n");
    await vm.docker("cp", join(vm.inHome, "there"), "box:/etc/there");
    await vm.docker("cp", "box:/etc/there", join(vm.inHome, "back"));
    expect(await Bun.file(join(vm.inHome, "back")).text()).toBe("there and back\n");
  });
}
