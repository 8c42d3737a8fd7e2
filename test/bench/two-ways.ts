/** Two ways to the same port of a container: a forward of qn's, and a bare `hostfwd` of the same QEMU's slirp. */
import { join } from "node:path";
import { connectQmp } from "../../src/host/qmp/client.ts";
import { bunContainer } from "../support/bun-container.ts";
import { freePort, until } from "../support/until.ts";
import type { Vm } from "../support/vm.ts";

/** Ports of this machine that lead to the same port of the container. */
export type TwoWays = AsyncDisposable & { readonly forward: number; readonly slirp: number };

/** Runs the server of test/support/inside/streams.ts, and opens both ways to its port `inside`. */
export async function twoWays(vm: Vm, inside: number): Promise<TwoWays> {
  const [forward, slirp] = [await freePort(), await freePort()];
  const name = `server-${inside}`;
  const server = await bunContainer(join(vm.inHome, name), join(import.meta.dir, "../support/inside/streams.ts"));
  await vm.docker("run", "--detach", "--name", name, "--publish", `${forward}:${inside}`, ...server);
  await addHostForward(vm, slirp, forward);
  for (const port of [forward, slirp]) await until("the server in the container", 60_000, () => speaks(port, inside));
  return {
    forward,
    slirp,
    [Symbol.asyncDispose]: async () => void (await vm.docker("rm", "--force", name)),
  };
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

/** Whether the server answers: with a page, or with the one byte that it is asked for. */
async function speaks(port: number, inside: number): Promise<true | undefined> {
  const { promise, resolve } = Promise.withResolvers<true | undefined>();
  const question = inside === 80 ? "GET / HTTP/1.0\r\n\r\n" : "1\n";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: () => resolve(true),
      close: () => resolve(undefined),
      open: (opened) => void opened.write(question),
    },
  });
  const answer = await promise;
  socket.terminate();
  return answer;
}
