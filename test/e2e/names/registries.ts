/** Registries on the host's loopback that dockerd pulls from: as its own localhost, and with certificates of a company's. */
import { expect } from "bun:test";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { certify } from "../../support/certificates.ts";
import { oneFile, type Registry, registry } from "../../support/registry.ts";
import { inGuest } from "../../support/stand-in-nixos.ts";
import { until } from "../../support/until.ts";
import { runPlain, type VmTest } from "../../support/vm.ts";

const files = await mkdtemp("/tmp/qn-registries-");

/** The one authority that the VM has to be told of (`docker.caCertificates`). */
export const knownAuthority = join(files, "known/ca.pem");

const known = await certifiedRegistry("known");
const stranger = await certifiedRegistry("stranger");

/** Pulls from them. */
export function registryTests(test: VmTest): void {
  test("dockerd's localhost is the host: a pull comes from a registry that listens on its loopback", async (vm) => {
    await using store = registry({ x: oneFile });
    const name = `localhost:${store.port}/x`;
    await vm.docker("pull", name);
    expect(store.asked).toContain("/v2/x/manifests/latest");
    const [pulled] = JSON.parse(await vm.docker("image", "inspect", name)) as { RepoTags: string[] }[];
    expect(pulled?.RepoTags).toEqual([`${name}:latest`]);
    await vm.docker("image", "rm", name);
    // That is dockerd's alone: a container in the guest's own network has the guest's localhost.
    const dial = `nc -w 10 127.0.0.1 ${store.port} </dev/null 2>&1; true`;
    expect(await vm.docker(...runPlain, "--rm", "busybox", "sh", "-c", dial)).toContain("refused");
    // The agent holds the way, and the next one takes it up.
    await inGuest(vm.folder, "systemctl kill -s KILL qn-agent");
    await until("a pull after the agent's death", 60_000, async () => {
      return await vm.docker("pull", name).catch(() => undefined);
    });
  });

  test("dockerd believes the authorities that the settings name, and no others", async (vm) => {
    await vm.docker("pull", known.image);
    expect(known.asked).toContain("/v2/x/manifests/latest");
    const { stderr } = await vm.fail(["docker", "pull", stranger.image]);
    expect(stderr).toContain("x509: certificate signed by unknown authority");
    expect(stranger.asked).toEqual([]);
  });
}

// --- internal ---

/** Its name is not localhost, whose registries Docker does not ask for a proof. */
async function certifiedRegistry(name: string): Promise<Registry & { readonly image: string }> {
  const folder = join(files, name);
  await mkdir(folder);
  const store = registry({ x: oneFile }, await certify(folder, ["host.docker.internal"]));
  return { ...store, image: `host.docker.internal:${store.port}/x` };
}
