/** A download through a forward of qn's beside the same download through a bare `hostfwd` of slirp's. */
import { join } from "node:path";
import { connectQmp } from "../../src/host/qmp/client.ts";
import { until } from "../support/until.ts";
import type { Vm } from "../support/vm.ts";
import { inTurn, ratioLine } from "./figures.ts";

const rounds = 4;
const megabytes = 300;

/** The ratio of the rates, in MB/s. */
export async function measureDownload(vm: Vm): Promise<string[]> {
  const forwardPort = await freePort();
  const slirpPort = await freePort();
  const serve = `dd if=/dev/zero of=/www/big bs=1000000 count=${megabytes} && httpd -f -p 80 -h /www`;
  await vm.docker("run", "-d", "--name", "big", "-p", `${forwardPort}:80`, "busybox", "sh", "-c", serve);
  await addHostForward(vm, slirpPort, forwardPort);
  const isServed = (): Promise<true | undefined> =>
    fetch(`http://127.0.0.1:${forwardPort}/`).then(
      () => true as const,
      () => undefined,
    );
  await until("the server in the container", 60_000, isServed);
  const rates = await inTurn(
    rounds,
    () => download(forwardPort),
    () => download(slirpPort),
  );
  await vm.docker("rm", "-f", "big");
  return [ratioLine(`${megabytes} MB through a forward beside slirp's hostfwd`, rates, "MB/s", "at least 1.0")];
}

// --- internal ---

/**
 * QEMU's monitor serves one at a time, and the supervisor is the one. It dies here, which QEMU survives; the next
 * `qn up` takes QEMU over again.
 */
async function addHostForward(vm: Vm, hostPort: number, guestPort: number): Promise<void> {
  const { supervisor } = await vm.status();
  process.kill(supervisor.pid ?? 0, "SIGKILL");
  {
    await using qmp = await connectQmp(join(vm.folder, "qmp.sock"));
    const line = `hostfwd_add tcp:127.0.0.1:${hostPort}-:${guestPort}`;
    const said = await qmp.execute("human-monitor-command", { "command-line": line });
    if (said !== "") throw new Error(String(said));
  }
  await vm.qn("up");
}

async function download(port: number): Promise<number> {
  const begin = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/big`);
  let bytes = 0;
  for await (const chunk of answer.body ?? []) bytes += chunk.length;
  if (bytes !== megabytes * 1_000_000) throw new Error(`${bytes} bytes came instead of ${megabytes} MB.`);
  return bytes / 1_000_000 / ((performance.now() - begin) / 1000);
}

async function freePort(): Promise<number> {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
