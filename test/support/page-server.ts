/** A web server for containers that answers hundreds of connections at once, which busybox's, one process for each, cannot. */
import { join } from "node:path";
import { bunContainer } from "./bun-container.ts";

/** What it answers. */
export const smallPage = "a small page\n";

/**
 * Gives what `docker run` has to be told after its own options; the program lies in `folder`, which the VM has to share. It
 * serves pages on TCP port 80 and sends back what comes to UDP port 53.
 */
export async function pageServer(folder: string): Promise<readonly string[]> {
  const script = join(folder, "serve.ts");
  await Bun.write(
    script,
    `Bun.serve({ port: 80, hostname: "0.0.0.0", fetch: () => new Response(${JSON.stringify(smallPage)}) });
await Bun.udpSocket({
  port: 53,
  hostname: "0.0.0.0",
  socket: { data: (socket, data, port, address) => void socket.send(data, port, address) },
});
`,
  );
  return await bunContainer(folder, script);
}
