/** What services of a swarm publish, which is in no container's list of ports. */
import { expect } from "bun:test";
import { join } from "node:path";
import { page } from "../support/busybox.ts";
import { freePort, knock, until } from "../support/until.ts";
import { testWithVm } from "../support/vm.ts";

const test = testWithVm();

/** What somebody gets who asks that port, as soon as anybody answers. */
async function fetched(port: number, path = "/"): Promise<string> {
  return await until(`a page from port ${port}`, 60_000, async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(20_000) }).catch(
      () => {},
    );
    return await response?.text();
  });
}

test("what a service of a swarm publishes is forwarded by the service's name, and no more when it is removed; its mounts are the host's", async (vm) => {
  const [port, later] = [await freePort(), await freePort()];
  await vm.docker("swarm", "init", "--advertise-addr", "127.0.0.1");
  const create = ["service", "create", "--quiet", "--no-resolve-image", "--name", "shop"];
  await Bun.write(join(vm.inTmp, "www/host.html"), "from the host\n");
  const mount = ["--mount", `type=bind,source=${vm.inTmp}/www,target=/www/host`];
  await vm.docker(...create, "--publish", `${port}:80`, ...mount, "busybox", "httpd", "-f", "-p", "80", "-h", "/www");
  expect(await fetched(port)).toBe(page);
  expect(await (await fetch(`http://127.0.0.1:${port}/host/host.html`)).text()).toBe("from the host\n");
  const elsewhere = ["--mount", "type=bind,source=/opt/qn-nowhere,target=/mnt"];
  const refused = await vm.fail(["docker", "service", "create", "--quiet", ...elsewhere, "busybox", "true"]);
  expect(refused.stderr).toContain('"/opt/qn-nowhere" is not mounted from the host.');
  expect(await vm.qn("why", `${port}`)).toContain(`the service "shop" of the swarm in the VM "default"`);
  await vm.docker("service", "update", "--quiet", "--no-resolve-image", "--publish-add", `${later}:80`, "shop");
  expect(await fetched(later)).toBe(page);
  await vm.docker("service", "rm", "shop");
  expect(await Promise.all([port, later].map((each) => knock("127.0.0.1", each)))).toEqual([
    "ECONNREFUSED",
    "ECONNREFUSED",
  ]);
});

test("a stack's published port is forwarded and its mount is the host's, and a mount that is none is refused", async (vm) => {
  const [port, folder] = [await freePort(), join(vm.inTmp, "stack")];
  await Bun.write(join(folder, "www/host.html"), "from the host\n");
  const deploy = async (volume: string): Promise<readonly string[]> => {
    const command = ["httpd", "-f", "-p", "80", "-h", "/www"];
    const web = { image: "busybox", command, ports: [`${port}:80`], volumes: [`${volume}:/www/host`] };
    await Bun.write(join(folder, "stack.yaml"), JSON.stringify({ version: "3.8", services: { web } }));
    return ["docker", "stack", "deploy", "--detach", "--resolve-image=never", "--compose-file", "stack.yaml", "shelf"];
  };
  const refused = await vm.fail(await deploy("/opt/qn-nowhere"), { cwd: folder });
  expect(refused.stderr).toContain('"/opt/qn-nowhere" is not mounted from the host.');
  await vm.succeed(await deploy("./www"), { cwd: folder });
  expect(await fetched(port, "/host/host.html")).toBe("from the host\n");
  expect(await vm.qn("why", `${port}`)).toContain(`the service "shelf_web" of the swarm in the VM "default"`);
  await vm.docker("stack", "rm", "--detach=false", "shelf");
  expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
  await vm.docker("swarm", "leave", "--force");
});
