/** What `qn why` does: asks everybody, and says the answer in sentences or as JSON. */
import { QnError } from "../../base/errors.ts";
import { portFacts } from "../../host/lifecycle/why/find.ts";
import { explainPort } from "../../host/lifecycle/why/explain.ts";
import type { PortQuestion } from "../../host/lifecycle/why/question.ts";
import { layoutHere } from "../vm-here.ts";
import { printJson } from "../terminal/show.ts";
import { plain } from "../terminal/table.ts";

/** Explains a port. Every answer is a success, "nobody" too. Throws USAGE for what is no port. */
export async function whyPort(text: string, asJson: boolean): Promise<void> {
  const question = parsePort(text);
  const facts = await portFacts(layoutHere(), question, process.env);
  const { reasons, notes } = explainPort(facts);
  if (asJson) {
    return printJson({
      port: question.port,
      protocol: question.protocol ?? null,
      reasons,
      notes,
      holders: facts.holders.map(({ pid, name, ...holder }) => ({ ...holder, pid: pid ?? null, name: name ?? null })),
      vms: facts.vms.map(({ name, state, forwards, publishes }) => ({ name, state, forwards, publishes })),
    });
  }
  for (const line of [...reasons.map(({ text }) => text), ...notes]) process.stdout.write(`${plain(line)}\n`);
}

/** A port as a person writes it: "8080", "8080/tcp", "53/UDP". Throws USAGE. */
export function parsePort(text: string): PortQuestion {
  const [, digits = "", name] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const port = Number(digits);
  const protocol = (["tcp", "udp", "sctp"] as const).find((each) => each === name?.toLowerCase());
  if (port < 1 || port > 65_535) {
    throw new QnError("USAGE", `"${text}" is no port; one looks like 8080, 8080/tcp or 53/udp.`);
  }
  return { port, protocol };
}
