/** Who holds a port of this machine, in words: a VM, a container behind a VM's forward, or another process. */
import type { PortHolder } from "../../../system/port-holders.ts";
import { vmOf } from "../../ports/refusal.ts";
import { subjectOf } from "../../ports/source.ts";
import type { PortFacts, Publish, Ranked, Rule, VmFacts } from "./question.ts";
import { capital, listed, lower } from "./phrases.ts";

/** Who holds the port, but for a forward's own listener, which has been told. */
export function holdersOf(protocol: Publish["protocol"], { question, holders, vms }: PortFacts): Ranked[] {
  return holders
    .filter((holder) => holder.protocol === protocol)
    .flatMap((holder) => {
      const where = `port ${question.port}/${protocol} on ${listed(holder.addresses)}`;
      const held = (who: string, rule: Rule, why = ""): Ranked[] => [
        { rank: "held", rule, text: `${capital(who)} holds ${where}${why}.` },
      ];
      const vm = vms.find(({ supervisorPid }) => holder.pid !== undefined && supervisorPid === holder.pid);
      // Its forwards have been told.
      if (vm?.forwards.some((forward) => forward.protocol === protocol && forward.state === "open") === true) return [];
      const host = vms.find(({ qemuPid }) => holder.pid !== undefined && qemuPid === holder.pid);
      if (host?.wayIn !== undefined) {
        return held(
          `QEMU of the VM "${host.name}" (pid ${holder.pid})`,
          "qn",
          `: it is the VM's own way in, ${ways[host.wayIn]}`,
        );
      }
      const isQn = vmOf(holder.command) !== undefined;
      return held(processWords(holder), isQn ? "qn" : "other");
    });
}

/** Who really uses a port: the container behind a supervisor's forward, or the process itself. */
export function userOf(holder: PortHolder, vms: readonly VmFacts[]): string {
  const vm = vms.find(({ supervisorPid }) => holder.pid !== undefined && supervisorPid === holder.pid);
  const forward = vm?.forwards.find(({ protocol, state }) => protocol === holder.protocol && state === "open");
  return vm === undefined || forward === undefined ? processWords(holder) : lower(subjectOf(forward, vm.name));
}

// --- internal ---

const ways = { gate: "the link to its agent", ssh: "for ssh" } as const;

function processWords({ pid, name, command }: PortHolder): string {
  if (pid === undefined) return "another user's process";
  const vm = vmOf(command);
  return vm === undefined ? `${name ?? "a process"} (pid ${pid})` : `the supervisor of the VM "${vm}" (pid ${pid})`;
}
