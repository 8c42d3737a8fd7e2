/** A command in the guest through the connection that `qn ssh` shares, beside one that makes its own. */
import { join } from "node:path";
import { qnProgram } from "../support/program.ts";
import type { Vm } from "../support/vm.ts";
import { inTurn, type Ratio, ratioOf } from "./figures.ts";
import { taken } from "./launch.ts";

const rounds = 10;
const whole = "`qn ssh -- true` through the shared connection beside one of its own, emulated";

/** The ratio of the times of whole commands. */
export async function measureSsh(vm: Vm): Promise<Ratio[]> {
  const user = await vm.succeed(["id", "-un"]);
  const own = ["ssh", "-F", join(vm.folder, "ssh_config"), "-S", "none", `${user}@qn-default`, "true"];
  const times = await inTurn(
    rounds,
    () => taken([qnProgram, "ssh", "--", "true"], { runs: 1, env: vm.env }),
    () => taken(own, { runs: 1, env: vm.env }),
  );
  const seconds = times.map((each) => each.map(({ wallMs }) => wallMs / 1000)) as [number[], number[]];
  return [ratioOf(whole, seconds, "s", "at most 0.25")];
}
