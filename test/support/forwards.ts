/** Forwards for contract tests, in front of a gate, and somebody else's program that holds a port. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway } from "../../src/host/gate/gateway.ts";
import type { ListenerLimit } from "../../src/host/gate/listener-limit.ts";
import { GatePool } from "../../src/host/gate/pool.ts";
import { Forwards } from "../../src/host/ports/apply.ts";
import type { PortRules } from "../../src/host/ports/listener-plan.ts";
import type { PublishedPort } from "../../src/protocol/messages.ts";
import { freePort } from "./datagrams.ts";
import type { TestGate } from "./gates.ts";

/** A port that the container "web" publishes on 127.0.0.1. */
export function published(hostPort: number, changes: Partial<PublishedPort> = {}): PublishedPort {
  return { protocol: "tcp", hostIp: "127.0.0.1", hostPort, containerId: "f00d", container: "web", ...changes };
}

/** Forwards in front of a gate. */
export function forwardsTo(
  gate: TestGate,
  rules: PortRules = { bind: "loopback", deny: [] },
  os?: NodeJS.Platform,
  listeners?: ListenerLimit,
): Disposable & { readonly forwards: Forwards } {
  const gateway = new Gateway(undefined, listeners);
  const pool = new GatePool(gate.key);
  gateway.use(pool);
  const forwards = new Forwards(gateway, rules, os);
  return {
    forwards,
    [Symbol.dispose]() {
      forwards.close();
      pool.close();
    },
  };
}

/** Every forward as "protocol address open", or with why it is not. */
export function states({ all }: Forwards): string[] {
  return all.map(
    ({ protocol, hostIp, listener, error }) =>
      `${protocol} ${hostIp} ${listener === undefined ? (error ?? "closed") : "open"}`,
  );
}

/** Somebody else's program, which listens on a free port until the end of the test. */
export async function stranger(
  protocol: "tcp" | "udp",
  words: readonly string[] = [],
  place: { readonly hostname?: string; readonly port?: number } = {},
): Promise<AsyncDisposable & { readonly pid: number; readonly port: number }> {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const program = join(folder, "listen.ts");
  const { hostname = "127.0.0.1", port = await freePort() } = place;
  const at = `hostname: "${hostname}", port: ${port}, socket: { data() {} }`;
  const listens = protocol === "tcp" ? `Bun.listen({ ${at} })` : `await Bun.udpSocket({ ${at} })`;
  await Bun.write(program, `${listens};\nconsole.log("listens");\nawait Bun.stdin.text();\n`);
  const child = Bun.spawn([process.execPath, program, ...words], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  if (value === undefined) throw new Error("The program that was to listen has ended.");
  return {
    pid: child.pid,
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
