/** The docker command's default builder, BuildKit: HTTP/2 in a connection that `/session` and `/grpc` have hijacked. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "../../support/program.ts";
import { runPlain, type Vm, type VmTest } from "../../support/vm.ts";

/** Where scripts/test and Docker's and distributions' packages put the docker command's part of it. */
const folders = [
  join(repository, "dist/tools"),
  ...["local/lib", "local/libexec", "lib", "libexec"].map((each) => `/usr/${each}/docker/cli-plugins`),
];
const builder = folders.map((folder) => join(folder, "docker-buildx")).find((path) => existsSync(path));

export const hasBuilder = builder !== undefined;

/** Two builds, for a machine that has the builder. */
export function builderTests(test: VmTest): void {
  test("the default builder gets files, a secret and what the last build has left in a cache", async (vm) => {
    const folder = join(vm.inHome, "kit");
    const plugins = join(vm.inHome, ".docker/cli-plugins");
    await Promise.all([folder, plugins].map((path) => mkdir(path, { recursive: true })));
    await symlink(builder ?? "", join(plugins, "docker-buildx"));
    const large = Buffer.alloc(8 * 1024 ** 2, crypto.getRandomValues(new Uint8Array(65_536)));
    const sum = new Bun.CryptoHasher("sha256").update(large).digest("hex");
    await writeFile(join(folder, "large"), large);
    await writeFile(join(vm.inHome, "word"), "hush\n");
    expect(await built(vm, folder, "first")).toBe(`HUSH\n${sum}  -`);
    expect(await built(vm, folder, "second")).toBe(`HUSH\n${sum}  -\nfirst`);
  });
}

// --- internal ---

/** Builds an image, which leaves `word` in the cache; what a container of it says that it has found. */
async function built(vm: Vm, folder: string, word: string): Promise<string> {
  const steps = [
    "tr a-z A-Z </run/secrets/word >/found",
    "sha256sum </large >>/found",
    "cat /cache/* >>/found || true",
    `echo ${word} >/cache/word`,
  ];
  const lines = [
    "FROM busybox",
    "COPY large /",
    `RUN --mount=type=cache,target=/cache --mount=type=secret,id=word ${steps.join("; ")}`,
    'CMD ["cat", "/found"]',
  ];
  await writeFile(join(folder, "Dockerfile"), `${lines.join("\n")}\n`);
  const secret = ["--secret", `id=word,src=${join(vm.inHome, "word")}`];
  await vm.succeed(["env", "DOCKER_BUILDKIT=1", "docker", "build", ...secret, "--tag", "kit", folder]);
  return await vm.docker(...runPlain, "--rm", "kit");
}
