/** What is around a VM: the machine's checks and reports, events, a shell's completion, the usual socket, services. */
import { expect } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { wrongFields } from "../../support/json-fields.ts";
import { qnProgram } from "../../support/program.ts";
import { freePort } from "../../support/until.ts";
import type { VmTest } from "../../support/vm.ts";

/** Runs a command as root of a user's own, with mounts that nobody else sees. */
const apart = ["unshare", "--user", "--map-root-user", "--mount"];
export const mayBeApart = Bun.spawnSync([...apart, "mount", "-t", "tmpfs", "none", "/run"]).exitCode === 0;

/** doctor, report, events, completion and service beside a VM that runs. */
export function aroundTests(test: VmTest): void {
  test("doctor finds no fault in this machine while a VM runs", async (vm) => {
    const checks = JSON.parse(await vm.qn("doctor", "--json")) as { readonly check: string; readonly level: string }[];
    expect(wrongFields("doctor", checks)).toEqual([]);
    expect(checks.filter(({ level }) => level === "fail")).toEqual([]);
    expect(checks.map(({ check }) => check)).toContain("qemu");
  });

  test("a report has the VM's logs and state, and not the secret of its gate", async (vm) => {
    const output = join(vm.inTmp, "report.tar.gz");
    await vm.qn("report", "--output", output);
    const names = await vm.succeed(["tar", "-tzf", output]);
    for (const name of ["supervisor.log", "serial.log", "agent.log", "settings.json"]) expect(names).toContain(name);
    const { secret } = JSON.parse(await readFile(join(vm.folder, "boot.json"), "utf8")) as { secret: string };
    const content = await vm.succeed(["tar", "-xzOf", output]);
    expect([secret.length, content.includes("running"), content.includes(secret)]).toEqual([64, true, false]);
  });

  test("whoever follows events hears how the VM is, and of a port that comes", async (vm) => {
    await using events = vm.converse(["qn", "events", "--json"]);
    expect(JSON.parse(await events.nextLine(60_000))).toMatchObject({ event: "state", state: "running" });
    const port = await freePort();
    await vm.docker(
      "run",
      "--detach",
      "--init",
      "--name",
      "heard",
      "--publish",
      `${port}:80`,
      "busybox",
      "sleep",
      "99",
    );
    let line = await events.nextLine(60_000);
    while (!line.includes(`"hostPort":${port}`)) line = await events.nextLine(60_000);
    expect(wrongFields("events", JSON.parse(line))).toEqual([]);
    await vm.docker("rm", "--force", "heard");
    events.kill("SIGINT");
    expect(await events.end()).toBe(0);
  });

  test("a shell completes commands and the names of VMs", async (vm) => {
    const shell = `eval "$('${qnProgram}' completion bash)"; COMP_WORDS=('${qnProgram}' "$@"); COMP_CWORD=$#; _qn; echo "\${COMPREPLY[@]}"`;
    const completed = (...words: readonly string[]): Promise<string> =>
      vm.succeed(["bash", "-c", shell, "bash", ...words]);
    expect([await completed("rest"), await completed("down", "de")]).toEqual(["restart", "default"]);
  });

  // That a manager starts it is in test/long/service.root.test.ts.
  test("a service is set up without a session for the next login, is shown, and goes without a trace", async (vm) => {
    const [config, runtime] = [join(vm.inTmp, "config"), join(vm.inTmp, "no-manager")];
    const alone = [
      "env",
      "--unset=DBUS_SESSION_BUS_ADDRESS",
      `XDG_CONFIG_HOME=${config}`,
      `XDG_RUNTIME_DIR=${runtime}`,
    ];
    const service = async (word: string): Promise<string> =>
      await vm.succeed([...alone, "sh", "-c", 'exec "$@" 2>&1', "sh", qnProgram, "service", ...word.split(" ")]);
    const none = await vm.fail([...alone, qnProgram, "service", "status", "--json"]);
    expect([none.exitCode, JSON.parse(none.stdout)]).toMatchObject([3, { installed: false }]);
    const said = await service("install");
    expect(said).toContain('VM "default" starts at login: ');
    expect(said).toContain("It could not be started now, but will be at the next login: ");
    const state = JSON.parse(await service("status --json")) as { readonly file: string };
    expect(wrongFields("service status", state)).toEqual([]);
    expect(state).toMatchObject({ manager: "systemd", installed: true, active: false });
    expect(await readFile(state.file, "utf8")).toContain(`ExecStart="${qnProgram}" "supervise" "default" "--service"`);
    expect(await service("uninstall")).toContain('VM "default" does not start at login any more.');
    expect(await readdir(join(config, "systemd/user"))).toEqual([]);
    expect(await vm.status()).toMatchObject({ state: "running" });
  });
}

/** The usual socket, for who may have a /run of his own. */
export function socketTests(test: VmTest): void {
  test("the usual socket leads to the VM once it is linked, and is gone once it is not", async (vm) => {
    const steps = [
      "mount -t tmpfs none /run",
      `'${qnProgram}' socket link`,
      "docker --host unix:///var/run/docker.sock version --format '{{.Server.Os}}'",
      `'${qnProgram}' socket status`,
      `'${qnProgram}' socket unlink`,
      `'${qnProgram}' socket status`,
    ];
    const said = await vm.succeed([...apart, "sh", "-c", `exec 2>&1; ${steps.join(" && ")}`]);
    expect(said.split("\n")).toEqual(
      expect.arrayContaining([
        "linux",
        '/var/run/docker.sock leads to the VM "default", where somebody answers.',
        "/var/run/docker.sock is not there.",
      ]),
    );
  });
}
