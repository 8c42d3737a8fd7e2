/** Docker's clients that the long tests try, in the versions of docs/clients.md: not installed, only put beside the docker command. */
import { basename, join } from "node:path";
import { readTextIfThere } from "../../src/system/files.ts";
import { succeed } from "../support/succeed.ts";
import { fetchInto } from "./docker-cli.ts";

/** From npm, each exactly this one. */
const npmClients = { "@devcontainers/cli": "0.89.0", testcontainers: "12.1.0" } as const;

/** From Go's modules, for a machine that has Go: each is built in its module's own version. */
const goClients = {
  "github.com/docker/buildx/cmd/buildx": "v0.38.2",
  "github.com/nektos/act": "v0.2.89",
  "sigs.k8s.io/kind": "v0.33.0",
} as const;

/** The folder below `tools` that has npm's; test/long/clients.test.ts looks there. */
export const clientsFolder = "clients";

/** Puts the clients and Debian's registry into `tools`, unless they are there. Throws when npm or Go has them not. */
export async function ensureClients(tools: string): Promise<void> {
  const folder = join(tools, clientsFolder);
  const packages = Object.entries(npmClients).map(([name, version]) => `${name}@${version}`);
  const kept = join(folder, "versions");
  if ((await readTextIfThere(kept)) !== packages.join(" ")) {
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await succeed(["npm", "install", "--prefix", folder, "--no-save", ...quiet, ...packages]);
    await Bun.write(kept, packages.join(" "));
  }
  if (Bun.which("go") !== null) await buildGoClients(join(folder, "bin"));
  await fetchInto(tools, "docker-registry", "usr/bin/docker-registry", ["docker-registry"]);
}

// --- internal ---

async function buildGoClients(folder: string): Promise<void> {
  for (const [path, version] of Object.entries(goClients)) {
    const kept = join(folder, `${basename(path)}.version`);
    if ((await readTextIfThere(kept)) === version) continue;
    await succeed(["env", `GOBIN=${folder}`, "go", "install", `${path}@${version}`]);
    await Bun.write(kept, version);
  }
}
