/** Real agents of OpenSSH on this machine, and its ssh-add in containers. */
import { join } from "node:path";
import { until } from "./until.ts";
import type { Vm } from "./vm.ts";

/** The guest's own OpenSSH for a container of busybox. */
export const withSsh = ["usr:/usr", "usr/lib:/lib", "usr/lib64:/lib64"].flatMap((bind) => ["--volume", `/${bind}:ro`]);

/** Agents that are there until they are disposed of. */
export type SshAgents = AsyncDisposable & { readonly names: readonly string[] };

/** Starts an agent at each of these sockets, with one key whose comment is "key of the test". */
export async function startAgents(vm: Vm, names: readonly string[]): Promise<SshAgents> {
  const key = join(vm.inTmp, "key");
  if (!(await Bun.file(key).exists())) {
    await vm.succeed(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "key of the test", "-f", key]);
  }
  const agents = names.map((name) => Bun.spawn(["ssh-agent", "-D", "-a", name], { stdout: "ignore" }));
  for (const name of names) {
    await until(
      name,
      10_000,
      async () =>
        await Bun.file(name)
          .stat()
          .catch(() => undefined),
    );
    await vm.succeed(["env", `SSH_AUTH_SOCK=${name}`, "ssh-add", "-q", key]);
  }
  return {
    names,
    async [Symbol.asyncDispose]() {
      for (const each of agents) each.kill();
      await Promise.all(agents.map((each) => each.exited));
    },
  };
}
