/** Docker's real clients against a real VM: docs/clients.md has what they are, and what their own tests said. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { clientsFolder } from "../../scripts/testing/clients.ts";
import { page } from "../support/busybox.ts";
import { atTerminal } from "../support/person-at-terminal.ts";
import { repository, runProgram } from "../support/program.ts";
import { freePort, knock, until } from "../support/until.ts";
import { testWithVm, type Vm, type VmTest } from "../support/vm.ts";
import { goProgramTests } from "./clients/go-programs.ts";

const tools = join(repository, "dist/tools");
const clients = join(tools, clientsFolder);
const registryProgram = join(tools, "docker-registry");
const inVm = testWithVm(undefined, { lacks: !existsSync(clients) || !existsSync(registryProgram) });
const test: VmTest = (name, action) => inVm(name, action, 900_000);
const goFolder = join(clients, "bin");
const hasGoPrograms = ["buildx", "act", "kind"].every((name) => existsSync(join(goFolder, name)));
const hasCompose = (await runProgram(["docker", "compose", "version"])).exitCode === 0;
const composeTest = hasCompose ? test : testWithVm(undefined, { lacks: true });

/** A window on `docker …`, whose container has the same one. */
function window(vm: Vm, ...words: readonly string[]) {
  return atTerminal(["docker", ...words], { env: vm.env, cwd: vm.inHome, columns: 77, rows: 33 });
}

test("docker run -it: the window's size and its changes, Ctrl-C, and the status of the shell", async (vm) => {
  await using person = window(vm, "run", "--interactive", "--tty", "--rm", "busybox", "sh");
  await person.sees("# ");
  person.resize(99, 41);
  // The client tells of each change by a call of its own, and nobody says when it has arrived.
  person.type("until stty size | grep '41 99'; do sleep 0.1; done\n");
  await person.sees("\n41 99");
  person.type("echo sleeping; sleep 1000\n");
  await person.sees("\nsleeping");
  person.type("\x03");
  await person.sees("# ");
  person.type("echo status=$?\n");
  await person.sees("\nstatus=130");
  person.type("exit 7\n");
  expect(await person.end()).toBe(7);
});

test("detach keys leave a container running, and attach and exec come back to it", async (vm) => {
  await using first = window(vm, "run", "--interactive", "--tty", "--name", "left", "busybox", "sh");
  await first.sees("# ");
  first.type("kept=5; echo set\n");
  await first.sees("\nset");
  first.type("\x10\x11");
  expect(await first.end()).toBe(0);
  expect(await vm.docker("inspect", "--format", "{{.State.Running}}", "left")).toBe("true");
  await using second = window(vm, "attach", "--detach-keys", "ctrl-a,d", "left");
  second.type("echo it is $kept\n");
  await second.sees("\nit is 5");
  second.type("\x01d");
  await second.end();
  await using third = window(vm, "exec", "--interactive", "--tty", "left", "sh");
  await third.sees("# ");
  third.type("until stty size | grep '33 77'; do sleep 0.1; done\n");
  await third.sees("\n33 77");
  third.type("exit 3\n");
  expect(await third.end()).toBe(3);
  await vm.docker("rm", "--force", "left");
});

test("Ctrl-C at docker run without a terminal inside reaches the program, whose status comes back", async (vm) => {
  const script = "trap 'echo heard; exit 3' INT; echo ready; while :; do sleep 0.1; done";
  await using person = window(vm, "run", "--rm", "busybox", "sh", "-c", script);
  await person.sees("ready");
  person.type("\x03");
  await person.sees("heard");
  expect(await person.end()).toBe(3);
});

composeTest(
  "docker compose: a project with a build, a bind, a secret and a service that has to be healthy first",
  async (vm) => {
    const [folder, port] = [join(vm.inHome, "shop"), await freePort()];
    await mkdir(join(folder, "src"), { recursive: true });
    await Bun.write(join(folder, "src/index.html"), "from the host\n");
    await Bun.write(join(folder, "secret"), "a secret\n");
    await Bun.write(join(folder, "Dockerfile"), "FROM busybox\nRUN echo built >/built\n");
    const serve = (path: string) => ["httpd", "-f", "-p", "80", "-h", path];
    const project = {
      services: {
        data: {
          image: "busybox",
          command: serve("/www"),
          stop_grace_period: "1s",
          healthcheck: { test: ["CMD", "wget", "-qO-", "http://127.0.0.1/"], interval: "1s", retries: 60 },
        },
        web: {
          build: ".",
          command: serve("/src"),
          stop_grace_period: "1s",
          depends_on: { data: { condition: "service_healthy" } },
          ports: [`${port}:80`],
          volumes: ["./src:/src"],
          secrets: ["word"],
        },
      },
      secrets: { word: { file: "./secret" } },
    };
    await Bun.write(join(folder, "compose.yaml"), JSON.stringify(project));
    const compose = (...words: readonly string[]) => vm.succeed(["docker", "compose", ...words], { cwd: folder });
    await compose("up", "--detach", "--wait");
    expect(await (await fetch(`http://localhost:${port}/`)).text()).toBe("from the host\n");
    const read = "cat /built /run/secrets/word; echo from the container >/src/answer; wget -qO- http://data/";
    expect(await compose("exec", "-T", "web", "sh", "-c", read)).toBe(`built\na secret\n${page.trimEnd()}`);
    expect(await Bun.file(join(folder, "src/answer")).text()).toBe("from the container\n");
    await compose("up", "--detach", "--scale", "data=2");
    expect((await compose("ps", "--quiet")).split("\n")).toHaveLength(3);
    expect(await compose("run", "--rm", "-T", "web", "cat", "/built")).toContain("built");
    await compose("down", "--volumes", "--rmi", "local");
    expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
  },
);

composeTest("docker compose: a volume that its driver binds is the host's folder, or refused", async (vm) => {
  const folder = join(vm.inHome, "bound");
  await Bun.write(join(folder, "data/here"), "from the host\n");
  const compose = async (device: string): Promise<readonly string[]> => {
    const bound = { driver: "local", driver_opts: { type: "none", o: "bind", device } };
    const reader = { image: "busybox", network_mode: "none", volumes: ["bound:/mnt"] };
    await Bun.write(join(folder, "compose.yaml"), JSON.stringify({ services: { reader }, volumes: { bound } }));
    return ["docker", "compose"];
  };
  const script = "cat /mnt/here; echo from the container >/mnt/back";
  const run = [...(await compose(join(folder, "data"))), "run", "--rm", "-T", "reader", "sh", "-c", script];
  expect(await vm.succeed(run, { cwd: folder })).toBe("from the host");
  expect(await Bun.file(join(folder, "data/back")).text()).toBe("from the container\n");
  await vm.succeed(["docker", "compose", "down", "--volumes"], { cwd: folder });
  const refused = await vm.fail([...(await compose("/opt/qn-nowhere")), "up", "--detach"], { cwd: folder });
  expect(refused.stderr).toContain('"/opt/qn-nowhere" is not mounted from the host.');
});

test("testcontainers: a network, a port of Docker's choice, a file that is copied in, and what a command says", async (vm) => {
  const script = `
    import { GenericContainer, Network, Wait } from "testcontainers";
    const network = await new Network().start();
    const server = await new GenericContainer("busybox").withNetwork(network).withNetworkAliases("server")
      .withCopyContentToContainer([{ content: "copied", target: "/www/copied" }])
      .withCommand(["httpd", "-f", "-p", "80", "-h", "/www"]).withExposedPorts(80)
      .withWaitStrategy(Wait.forHttp("/copied", 80)).start();
    const asked = await fetch(\`http://\${server.getHost()}:\${server.getMappedPort(80)}/copied\`);
    const inside = await server.exec(["wget", "-qO-", "http://server/copied"]);
    console.log(await asked.text(), inside.output, inside.exitCode);
    await server.stop();
    await network.stop();`;
  await Bun.write(join(vm.inTmp, "clients/run.ts"), script);
  await vm.succeed(["ln", "-s", join(clients, "node_modules"), join(vm.inTmp, "clients/node_modules")]);
  // Its reaper is an image of Docker Hub's; and where the tests run in a container it would ask that one's gateway.
  const env = ["TESTCONTAINERS_RYUK_DISABLED=true", "TESTCONTAINERS_HOST_OVERRIDE=localhost"];
  const said = await vm.succeed(["env", ...env, process.execPath, "run.ts"], { cwd: join(vm.inTmp, "clients") });
  expect(said).toBe("copied copied 0");
});

test("the devcontainers CLI: the project's folder is in the container, and what it makes there is here", async (vm) => {
  const folder = join(vm.inHome, "project");
  const settings = { postCreateCommand: "echo created >made", containerEnv: { WORD: "set" } };
  const built = { ...settings, build: { dockerfile: "Dockerfile" } };
  await Bun.write(join(folder, ".devcontainer/devcontainer.json"), JSON.stringify(built));
  const user = "RUN echo root:x:0:0:root:/:/bin/sh >/etc/passwd";
  await Bun.write(join(folder, ".devcontainer/Dockerfile"), `FROM busybox\n${user}\n`);
  await Bun.write(join(folder, "here"), "from the host\n");
  const cli = ["node", join(clients, "node_modules/@devcontainers/cli/devcontainer.js")];
  const devcontainer = (...words: readonly string[]) =>
    vm.succeed([...cli, ...words.slice(0, 1), "--workspace-folder", folder, ...words.slice(1)]);
  const up = await devcontainer("up");
  const { outcome, containerId } = JSON.parse(up.split("\n").at(-1) ?? "") as Record<string, string>;
  expect(outcome).toBe("success");
  expect(await Bun.file(join(folder, "made")).text()).toBe("created\n");
  const read = "pwd; cat here; echo $WORD";
  expect(await devcontainer("exec", "sh", "-c", read)).toBe("/workspaces/project\nfrom the host\nset");
  await vm.docker("rm", "--force", containerId ?? "");
});

test("a registry on this machine: a wrong password is refused, push, pull and FROM go there", async (vm) => {
  const port = await freePort();
  const folder = join(vm.inTmp, "registry");
  const password = await Bun.password.hash("right", { algorithm: "bcrypt", cost: 4 });
  await Bun.write(join(folder, "users"), `ann:${password}\n`);
  const settings = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    http: { addr: `127.0.0.1:${port}` },
    auth: { htpasswd: { realm: "shop", path: join(folder, "users") } },
  };
  await Bun.write(join(folder, "config.yml"), JSON.stringify(settings));
  await using _registry = vm.converse([registryProgram, "serve", join(folder, "config.yml")]);
  const address = `localhost:${port}`;
  await until("the registry", 30_000, async () => ((await knock("127.0.0.1", port)) === "open" ? true : undefined));
  const login = ["docker", "login", "--username", "ann", "--password-stdin", address];
  const wrong = await vm.fail(login, { stdin: new TextEncoder().encode("wrong") });
  expect(wrong.stderr).toContain("401");
  await vm.docker("tag", "busybox", `${address}/ours/tool`);
  expect((await vm.fail(["docker", "push", `${address}/ours/tool`])).stderr).toContain("no basic auth credentials");
  expect(await vm.succeed(login, { stdin: new TextEncoder().encode("right") })).toContain("Login Succeeded");
  await vm.docker("push", "--quiet", `${address}/ours/tool`);
  await vm.docker("rmi", `${address}/ours/tool`);
  await Bun.write(join(folder, "built/Dockerfile"), `FROM ${address}/ours/tool\nRUN echo more >/more\n`);
  await vm.docker("build", "--quiet", "--tag", `${address}/ours/more`, join(folder, "built"));
  await vm.docker("push", "--quiet", `${address}/ours/more`);
  await vm.docker("rmi", `${address}/ours/more`, `${address}/ours/tool`);
  expect(await vm.docker("run", "--rm", "--quiet", `${address}/ours/more`, "cat", "/more")).toBe("more");
});

goProgramTests(hasGoPrograms ? test : testWithVm(undefined, { lacks: true }), goFolder);
