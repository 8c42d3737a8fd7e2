/** A command in the guest through the connection that `qn ssh` shares, beside one that makes its own. */
import { join } from "node:path";
import type { Vm } from "../support/vm.ts";
import { inTurn, ratioLine, timedMs } from "./figures.ts";

const rounds = 10;

/** The ratio of the times of whole commands. */
export async function measureSsh(vm: Vm): Promise<string[]> {
  const user = await vm.succeed(["id", "-un"]);
  const own = ["ssh", "-F", join(vm.folder, "ssh_config"), "-S", "none", `${user}@qn-default`, "true"];
  const times = await inTurn(
    rounds,
    () => timedMs(() => vm.qn("ssh", "--", "true")),
    () => timedMs(() => vm.succeed(own)),
  );
  return [ratioLine("qn ssh -- true beside a connection of its own", times, "ms", "at most 0.25")];
}
