/** What clients' tests call by names of Docker Hub's: Debian's busybox and bash, Node.js, and testcontainers' little server. */
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { succeed } from "../../scripts/support/succeed.ts";
import { busyboxArchive } from "../support/busybox.ts";
import { certify } from "../support/certificates.ts";
import { copyProgram, neededProgram, packRoot } from "../support/copied-program.ts";
import type { HubImage } from "../support/registry.ts";
import { imagePackages } from "./suites.ts";

/** Makes the images in `folder`; testcontainers' own is among them where its tests are got ready in `source`. */
export async function clientImages(folder: string, source: string | undefined): Promise<Record<string, HubImage>> {
  await busyboxArchive(folder);
  const root = join(folder, "busybox");
  await copyProgram(root, neededProgram("bash"), "/bin/bash");
  await Promise.all(
    ["usr", "var/log", "var/opt", "root", "home"].map((each) => mkdir(join(root, each), { recursive: true })),
  );
  await symlink("../bin", join(root, "usr/bin"));
  const accounts = [
    "root:x:0:0:root:/root:/bin/sh",
    "daemon:x:1:1::/:/bin/sh",
    "postgres:x:70:70::/:/bin/sh",
    "node:x:1000:100::/:/bin/sh",
    "nobody:x:65534:65534::/:/bin/sh",
  ];
  const groups = [
    "root:x:0:",
    "daemon:x:1:",
    "wheel:x:10:",
    "audio:x:29:",
    "staff:x:50:",
    "users:x:100:",
    "nobody:x:65534:",
  ];
  await Bun.write(join(root, "etc/passwd"), `${accounts.join("\n")}\n`);
  await Bun.write(join(root, "etc/group"), `${groups.join("\n")}\n`);
  const small = await readFile(await packRoot(root, join(folder, "small.tar")));
  const shell = { layer: small, command: ["sh"] };
  const names = ["alpine", "busybox", "debian", "redis", "ubuntu"].map((each) => [`library/${each}`, shell] as const);
  const images = {
    ...Object.fromEntries(names),
    "library/hello-world": { layer: small, command: ["echo", "Hello from Docker!"] },
  };
  if (source === undefined) return images;
  await copyProgram(root, join(source, imagePackages.node), "/bin/node");
  await succeed(["cp", "-r", join(source, imagePackages.folder, "node_modules"), join(root, "node_modules")]);
  await succeed(["rm", "-r", join(root, "node_modules", `node-linux-${process.arch}`)]);
  await succeed(["cp", join(source, "packages/testcontainers/fixtures/docker/docker/index.js"), root]);
  await mkdir(join(folder, "certificate"));
  const { key, cert } = await certify(join(folder, "certificate"), ["localhost"]);
  await Bun.write(join(root, "etc/ssl/private/cert.key"), key);
  await Bun.write(join(root, "etc/ssl/certs/cert.crt"), cert);
  for (const [name, line] of Object.entries(stands)) {
    await writeFile(join(root, "bin", name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }
  const layer = await readFile(await packRoot(root, join(folder, "large.tar")));
  const server = { layer, command: ["node", "/index.js"] };
  return { ...images, "library/node": server, "cristianrgreco/testcontainer": server };
}

// --- internal ---

/** What testcontainers' Dockerfiles call: what they would fetch or make is in the image already. */
const stands: Readonly<Record<string, string>> = {
  apk: "true",
  npm: "true",
  openssl: "true",
  "dumb-init": 'shift; exec "$@"',
  curl: 'for url; do :; done; exec wget -q -O - "$url"',
};
