/** Docker's other clients: dockerode's own example, and the way in which testcontainers starts a service. */
import { expect } from "bun:test";
import { PassThrough } from "node:stream";
import Docker from "dockerode";
import { page } from "../../support/busybox.ts";
import { freePort, knock, until } from "../../support/until.ts";
import type { Vm, VmTest } from "../../support/vm.ts";

function clientOf(vm: Vm): Docker {
  return new Docker({ socketPath: vm.env["DOCKER_HOST"]?.replace("unix://", "") ?? "" });
}

/** dockerode against the VM's socket. */
export function clientTests(test: VmTest): void {
  test("dockerode's hello world: create, attach, start, wait, logs, remove", async (vm) => {
    const docker = clientOf(vm);
    const container = await docker.createContainer({
      Image: "busybox",
      Cmd: ["sh", "-c", "echo out; echo err >&2; read word; echo got $word; exit 3"],
      OpenStdin: true,
      StdinOnce: true,
    });
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
    const [out, err] = [new PassThrough(), new PassThrough()];
    container.modem.demuxStream(stream, out, err);
    stream.on("end", () => {
      out.end();
      err.end();
    });
    // As Docker has it where nobody has said otherwise: all that a container says is kept.
    expect((await container.inspect()).HostConfig.LogConfig).toEqual({ Type: "json-file", Config: {} });
    await container.start();
    stream.write("hello\n");
    stream.end();
    expect(await container.wait()).toEqual({ StatusCode: 3 });
    expect([await new Response(out).text(), await new Response(err).text()]).toEqual(["out\ngot hello\n", "err\n"]);
    const logs = await container.logs({ stdout: true, stderr: false });
    // Each part of a log has eight bytes in front of it.
    expect(logs.toString("latin1")).toContain("got hello\n");
    await container.remove();
    expect(await container.inspect().catch((error: { statusCode: number }) => error.statusCode)).toBe(404);
  });

  test("a service on a port of Docker's choice, as testcontainers starts one: it answers where inspect says", async (vm) => {
    const docker = clientOf(vm);
    const container = await docker.createContainer({
      Image: "busybox",
      Cmd: ["httpd", "-f", "-p", "80", "-h", "/www"],
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PublishAllPorts: true },
      Labels: { "org.testcontainers": "true" },
    });
    await container.start();
    const { NetworkSettings } = await container.inspect();
    const port = Number(NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort);
    // Its way of waiting: listening inside, as a command in the container sees it, and then one try from outside.
    await until("the port inside", 30_000, async () => {
      const exec = await container.exec({ Cmd: ["sh", "-c", "grep -q ':0050 .* 0A ' /proc/net/tcp*"] });
      await new Promise<void>((resolve, reject) => {
        exec.start({}, (error, stream) => {
          if (error !== null) return reject(error);
          stream?.on("end", resolve).resume();
        });
      });
      return (await exec.inspect()).ExitCode === 0 ? true : undefined;
    });
    expect(await (await fetch(`http://localhost:${port}/`)).text()).toBe(page);
    await container.remove({ force: true });
    expect(await fetch(`http://localhost:${port}/`).catch(() => "closed")).toBe("closed");
  });
}

/** dockerode's shorter way, and what docker compose asks for. */
export function moreClientTests(test: VmTest): void {
  test("dockerode's run gives the output and the status", async (vm) => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const [result, container] = await clientOf(vm).run("busybox", ["echo", "hello world"], [out, err], { Tty: false });
    expect(result).toEqual({ StatusCode: 0 });
    out.end();
    expect(await new Response(out).text()).toBe("hello world\n");
    await container.remove();
  });

  test("compose's calls: up, stop, start and down of a project with two services leave no port open or closed too long", async (vm) => {
    const docker = clientOf(vm);
    const [web, api] = [await freePort(), await freePort()];
    const network = await docker.createNetwork({ Name: "shop_default", Driver: "bridge", Labels: project("network") });
    const services = await Promise.all(
      Object.entries({ web, api }).map(([name, port]) => makeService(docker, name, port)),
    );
    const knocks = () => Promise.all([web, api].map((port) => knock("127.0.0.1", port)));
    // compose starts services that do not depend on each other at once.
    await Promise.all(services.map((service) => service.start()));
    expect(await knocks()).toEqual(["open", "open"]);
    for (const port of [web, api]) {
      const text = await until("the page", 30_000, async () => {
        const answer = await fetch(`http://localhost:${port}/`).catch(() => {});
        return await answer?.text();
      });
      expect(text).toBe(page);
    }
    const filters = JSON.stringify({ label: ["com.docker.compose.project=shop"] });
    expect(await docker.listContainers({ filters })).toHaveLength(2);
    await Promise.all(services.map((service) => service.stop({ t: 0 })));
    expect(await knocks()).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
    await Promise.all(services.map((service) => service.start()));
    expect(await knocks()).toEqual(["open", "open"]);
    await Promise.all(services.map((service) => service.stop({ t: 0 })));
    await Promise.all(services.map((service) => service.remove({ v: false })));
    await network.remove();
    expect(await knocks()).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
    expect(await docker.listContainers({ all: true, filters })).toEqual([]);
  });
}

/** The labels of docker compose's, by which it finds its own again. */
function project(kind: "network" | "service", name = "default"): Record<string, string> {
  return { "com.docker.compose.project": "shop", [`com.docker.compose.${kind}`]: name };
}

/** A service as `docker compose up` makes it: in the project's network under its name, with one published port. */
async function makeService(docker: Docker, name: string, port: number): Promise<Docker.Container> {
  return await docker.createContainer({
    name: `shop-${name}-1`,
    Image: "busybox",
    Cmd: ["httpd", "-f", "-p", "80", "-h", "/www"],
    Labels: { ...project("service", name), "com.docker.compose.oneoff": "False" },
    ExposedPorts: { "80/tcp": {} },
    HostConfig: {
      NetworkMode: "shop_default",
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: `${port}` }] },
      RestartPolicy: { Name: "no" },
    },
    NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: [`shop-${name}-1`, name] } } },
  });
}
