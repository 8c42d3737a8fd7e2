/** qn's own commands beside a VM that runs. */
import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { wrongFields } from "../../support/json-fields.ts";
import { qnProgram } from "../../support/program.ts";
import type { VmTest } from "../../support/vm.ts";

/** What a shell would like to take apart. */
const awkward = ["two words", 'a "quoted" word', "it's", "$HOME", "`id`", "a\nnewline", "back\\slash", "*", "", "~"];

/** ssh, env, ls, status, logs, and up beside a running VM. */
export function commandTests(test: VmTest): void {
  test("ssh hands every argument over as it was given", async (vm) => {
    const words = await vm.qn("ssh", "--", "printf", "<%s>", ...awkward);
    expect(words).toBe(awkward.map((word) => `<${word}>`).join(""));
  });

  test("ssh ends with the command's exit status and keeps its two outputs apart", async (vm) => {
    const outcome = await vm.fail(["qn", "ssh", "--", "sh", "-c", "echo out; echo err >&2; exit 42"]);
    expect(outcome).toEqual({ exitCode: 42, stdout: "out\n", stderr: "err\n" });
  });

  test("ssh carries the input, and its end", async (vm) => {
    const stdin = new TextEncoder().encode("one\ntwo\n");
    expect(await vm.succeed(["qn", "ssh", "default", "--", "wc", "-l"], { stdin })).toBe("2");
  });

  test("ssh gives a command this terminal, with its size, and none where there is none", async (vm) => {
    const [isTerminal, noTerminal] = ["tty -s && stty size", "tty -s || echo none"];
    const typed = `stty rows 33 cols 101; exec '${qnProgram}' ssh -- sh -c '${isTerminal}'`;
    // script(1) makes the terminal, which shows the end of its input before.
    const shown = await vm.succeed(["script", "--quiet", "--return", "--command", typed, "/dev/null"]);
    expect(shown.replace(/^\^[@D]/, "")).toBe("33 101\r");
    expect(await vm.qn("ssh", "--", "sh", "-c", noTerminal)).toBe("none");
  });

  test("ssh -A lends the guest this user's ssh agent, and without -A there is none", async (vm) => {
    const [key, socket] = [join(vm.inTmp, "lent"), join(vm.inTmp, "agent.sock")];
    await vm.succeed(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lent to the guest", "-f", key]);
    await using agent = vm.converse(["ssh-agent", "-D", "-a", socket]);
    // It says where it listens once it does.
    await agent.nextLine();
    const withAgent = ["env", `SSH_AUTH_SOCK=${socket}`];
    await vm.succeed([...withAgent, "ssh-add", "-q", key]);
    const publicKey = (await Bun.file(`${key}.pub`).text()).trim();
    expect(await vm.succeed([...withAgent, qnProgram, "ssh", "-A", "--", "ssh-add", "-L"])).toBe(publicKey);
    expect((await vm.fail([...withAgent, qnProgram, "ssh", "--", "ssh-add", "-L"])).exitCode).toBe(2);
    const none = await vm.fail(["env", "--unset=SSH_AUTH_SOCK", qnProgram, "ssh", "-A", "--", "true"]);
    expect(none.stderr).toContain("There is no ssh agent to let the guest use");
  });

  test("ssh starts in the same folder, as the user of qn", async (vm) => {
    const folder = join(vm.inHome, "a 'quoted' folder");
    await mkdir(folder);
    // Bun takes the name from the environment, which may lack it.
    const names = await Promise.all([vm.succeed(["id", "-un"]), vm.succeed(["id", "-u"])]);
    const script = "pwd; id -un; id -u";
    expect(await vm.succeed(["qn", "ssh", "--", "sh", "-c", script], { cwd: folder })).toBe(
      [folder, ...names].join("\n"),
    );
  });

  test("the login user of the guest may use sudo, and Docker's socket without it", async (vm) => {
    expect(await vm.qn("ssh", "--", "sudo", "--non-interactive", "id", "-u")).toBe("0");
    await vm.qn("ssh", "--", "test", "-w", "/run/docker.sock");
  });

  test("eval of qn env makes docker use the VM", async (vm) => {
    const script = 'unset DOCKER_HOST; eval "$("$0" env)"; docker info --format "{{.Name}}"';
    const program = join(import.meta.dir, "../../../dist/qn");
    expect(await vm.succeed(["bash", "-c", script, program])).toBe(await vm.docker("info", "--format", "{{.Name}}"));
  });

  test("status and ls show the VM that runs", async (vm) => {
    expect(await vm.status()).toMatchObject({
      name: "default",
      state: "running",
      reason: null,
      cpus: 2,
      memoryMiB: 1536,
      memory: { usedBytes: expect.any(Number), residentBytes: expect.any(Number) },
      docker: { socket: join(vm.folder, "docker.sock"), reachable: true },
      qemu: { pid: expect.any(Number) },
      supervisor: { pid: expect.any(Number) },
    });
    expect(JSON.parse(await vm.qn("ls", "--json"))).toMatchObject([{ name: "default", state: "running" }]);
    expect(await vm.qn("logs")).toContain("running");
    expect(await vm.qn("logs", "--source", "serial")).not.toBe("");
  });

  test("programs read of a VM that runs only the fields that docs/json.md lists", async (vm) => {
    const answers = { status: "status", ls: "ls", ports: "ports ls", mounts: "mounts ls", "why 22": "why" } as const;
    for (const [line, heading] of Object.entries(answers)) {
      const answer: unknown = JSON.parse(await vm.qn(...line.split(" "), "--json"));
      expect([line, wrongFields(heading, answer)]).toEqual([line, []]);
    }
    const events = (await vm.qn("up", "--json")).split("\n").map((line): unknown => JSON.parse(line));
    expect(events.flatMap((event) => wrongFields("events", event))).toEqual([]);
    expect(events.at(-1)).toMatchObject({ schema: 1, event: "status", status: { state: "running" } });
  });

  test("up beside a VM that runs changes nothing, and is quicker than a boot", async (vm) => {
    const before = await vm.status();
    const startedMs = performance.now();
    await vm.qn("up");
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    const { qemu, supervisor } = await vm.status();
    expect({ qemu, supervisor }).toEqual({ qemu: before.qemu, supervisor: before.supervisor });
  });

  test("a larger data disk is the guest's at once, and a smaller one is refused", async (vm) => {
    const guestMiB = async (): Promise<number> =>
      Number(await vm.qn("ssh", "--", "sh", "-c", "df --output=size -B1M /var/lib/docker | tail -n 1"));
    const before = await guestMiB();
    const told = await vm.succeed(["sh", "-c", 'exec "$@" 2>&1', "sh", qnProgram, "config", "set", "diskGiB=64"]);
    expect(told).toContain("the data disk has 64 GiB now, and so has the guest");
    expect((await guestMiB()) - before).toBeGreaterThan(3_500);
    const { exitCode, stderr } = await vm.fail(["qn", "config", "set", "diskGiB=63"]);
    expect([exitCode, stderr]).toEqual([24, expect.stringContaining("has 64 GiB and cannot shrink to 63 GiB")]);
    expect(JSON.parse(await vm.qn("disk", "ls", "--json"))).toMatchObject([
      { name: "data", sizeBytes: 64 * 1024 ** 3 },
    ]);
  });
}
