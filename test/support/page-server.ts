/** A web server for containers that answers hundreds of connections at once, which busybox's, one process for each, cannot. */
import { copyFile, mkdir, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { runProgram } from "./program.ts";

/** What it answers. */
export const smallPage = "a small page\n";

/**
 * Puts the Bun that runs this test, with the libraries that it is linked with, into `folder`, and gives what `docker
 * run` has to be told after its own options: the mounts, then image and command. It serves pages on TCP
 * port 80 and sends back what comes to UDP port 53.
 */
export async function pageServer(folder: string): Promise<readonly string[]> {
  await mkdir(folder);
  const { stdout } = await runProgram(["ldd", process.execPath]);
  const libraries = [...stdout.matchAll(/(\/\S+\.so\S*)/g)].map(([path]) => path);
  const files = new Map(libraries.map((path) => [path, join(folder, basename(path))]));
  files.set("/bun", join(folder, "bun"));
  files.set("/serve.ts", join(folder, "serve.ts"));
  for (const path of new Set(libraries)) await copyFile(await realpath(path), join(folder, basename(path)));
  await copyFile(process.execPath, join(folder, "bun"));
  await Bun.write(
    join(folder, "serve.ts"),
    `Bun.serve({ port: 80, hostname: "0.0.0.0", fetch: () => new Response(${JSON.stringify(smallPage)}) });
await Bun.udpSocket({
  port: 53,
  hostname: "0.0.0.0",
  socket: { data: (socket, data, port, address) => void socket.send(data, port, address) },
});
`,
  );
  const mounts = [...files].flatMap(([inside, outside]) => ["--volume", `${outside}:${inside}:ro`]);
  return [...mounts, "busybox", "/bun", "/serve.ts"];
}
