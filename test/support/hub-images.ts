/** What README and guides call by names of Docker Hub's, made of Debian's busybox: a web server, a greeting, a shell. */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { busyboxArchive } from "./busybox.ts";
import { packRoot } from "./copied-program.ts";
import type { HubImage } from "./registry.ts";

/** Makes the images, in `folder`, by the names that Docker asks for. */
export async function hubImages(folder: string): Promise<Record<string, HubImage>> {
  await busyboxArchive(folder);
  const root = join(folder, "busybox");
  await cp(join(root, "www"), join(root, "usr/share/nginx/html"), { recursive: true });
  const layer = await readFile(await packRoot(root, join(folder, "hub.tar")));
  // As the first process of a container httpd ignores SIGTERM, and `docker stop` would wait for it.
  const server = ["sh", "-c", "trap exit TERM; httpd -f -p 80 -h /usr/share/nginx/html & wait"];
  return {
    "library/busybox": { layer, command: ["sh"] },
    "library/nginx": { layer, command: server },
    "library/postgres": { layer, command: server },
    "library/hello-world": { layer, command: ["echo", "Hello from Docker!"] },
  };
}
