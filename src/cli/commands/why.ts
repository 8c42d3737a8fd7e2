/**
 * `qn why`: who holds a port of this machine, who wants it, and which rule decided. Every answer is a success, "nobody"
 * too.
 */
import { QnError } from "../../base/errors.ts";
import { explainPort } from "../../host/lifecycle/why/explain.ts";
import { portFacts } from "../../host/lifecycle/why/find.ts";
import type { PortQuestion } from "../../host/lifecycle/why/question.ts";
import { defineCommand, jsonArg } from "../command.ts";
import { printJson, printLines } from "../terminal/print.ts";
import { qnHome } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn why 53/udp --json"],
  args: {
    port: { type: "positional", required: true, description: "The port, such as 8080, 8080/tcp or 53/udp" },
    json: jsonArg,
  },
  async run({ args }) {
    const question = parsePort(args.port);
    const facts = await portFacts(qnHome(), question, process.env);
    const { reasons, notes } = explainPort(facts);
    if (args.json === true) {
      return printJson("why", {
        port: question.port,
        protocol: question.protocol ?? null,
        reasons,
        notes,
        holders: facts.holders.map(({ pid, name, ...holder }) => ({ ...holder, pid: pid ?? null, name: name ?? null })),
        vms: facts.vms.map(({ name, state, forwards, publishes }) => ({ name, state, forwards, publishes })),
      });
    }
    printLines([...reasons.map(({ text }) => text), ...notes]);
  },
});

/** A port as a person writes it: "8080", "8080/tcp", "53/UDP". Throws USAGE. */
export function parsePort(text: string): PortQuestion {
  const [, digits = "", name] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const port = Number(digits);
  const protocol = (["tcp", "udp", "sctp"] as const).find((each) => each === name?.toLowerCase());
  if (port < 1 || port > 65_535) {
    throw new QnError("USAGE", `"${text}" is not a port. Examples: 8080, 8080/tcp, 53/udp.`);
  }
  return { port, protocol };
}
