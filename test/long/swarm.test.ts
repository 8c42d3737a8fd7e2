/** What services of a swarm publish, which is in no container's list of ports. */
import { expect } from "bun:test";
import { join } from "node:path";
import { page } from "../support/busybox.ts";
import { freePort, knock, until } from "../support/until.ts";
import { testWithVm } from "../support/vm.ts";

const test = testWithVm();

/** What somebody gets who asks that port, as soon as anybody answers. */
async function fetched(port: number): Promise<string> {
  return await until(`a page from port ${port}`, 60_000, async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(20_000) }).catch(() => {});
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
  await vm.docker("swarm", "leave", "--force");
});
