/** A VM with a container that treats TCP streams as badly as servers do: test/support/inside/streams.ts. */
import { join } from "node:path";
import { bunContainer } from "./bun-container.ts";
import { repository } from "./program.ts";
import { freePort, until } from "./until.ts";
import { bootVm, type Vm } from "./vm.ts";

/** How to boot the VM, and which port of this machine leads to a port of the server. */
export type StreamServer<Port extends number> = {
  readonly boot: () => Promise<Vm>;
  readonly portOf: (port: Port) => number;
};

/** A server that is reached at these of its ports; 80 has to be one of them: it says when the server is there. */
export function streamServer<const Port extends number>(inside: readonly Port[]): StreamServer<Port> {
  const outside = new Map<number, number>();
  const boot = async (): Promise<Vm> => {
    const vm = await bootVm();
    for (const port of inside) outside.set(port, await freePort());
    const publish = [...outside].flatMap(([port, host]) => ["--publish", `127.0.0.1:${host}:${port}`]);
    const script = join(repository, "test/support/inside/streams.ts");
    const server = await bunContainer(join(vm.inHome, "streams"), script);
    await vm.docker("run", "--detach", "--name", "streams", ...publish, ...server);
    await until("the server in the container", 60_000, async () => {
      const answer = await fetch(`http://127.0.0.1:${outside.get(80)}/`).catch(() => {});
      return answer?.ok;
    });
    return vm;
  };
  return { boot, portOf: (port) => outside.get(port) ?? 0 };
}
