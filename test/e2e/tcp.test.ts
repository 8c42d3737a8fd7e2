/** TCP through a forward as TCP should be: ends, resets, slow readers, many connections, many bytes, and Docker's clients. */
import { join } from "node:path";
import { bunContainer } from "../support/bun-container.ts";
import { repository } from "../support/program.ts";
import { freePort, until } from "../support/until.ts";
import { bootVm, testWithVm } from "../support/vm.ts";
import { clientTests } from "./tcp/clients.ts";
import { manyTests } from "./tcp/many.ts";
import { roundTests } from "./tcp/rounds.ts";
import { streamTests } from "./tcp/streams.ts";

/** The ports of the server in the container, and the ones of this machine that lead there. 99 is nobody's. */
const inside = [80, 81, 82, 83, 84, 85, 86, 99] as const;
const outside = new Map<number, number>();

const test = testWithVm(async () => {
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
});

const portOf = (port: (typeof inside)[number]): number => outside.get(port) ?? 0;
streamTests(test, portOf);
manyTests(test, portOf);
roundTests(test);
clientTests(test);
