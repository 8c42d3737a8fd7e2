/** Why a port of the host is as it is: who holds it, who wants it, and which rule decided, as sentences. */
import { byteSize, counted } from "../../../base/words.ts";
import type { PortHolder } from "../../../system/port-holders.ts";
import { isUnspecified, overlaps, type Refusal } from "../../ports/listener-plan.ts";
import { reasonsOfSources, type Source, subjectOf } from "../../ports/source.ts";
import type { ForwardStatus } from "../../supervisor/messages.ts";
import {
  type Explanation,
  type PortFacts,
  type PortQuestion,
  type Publish,
  type Ranked,
  ranks,
  type Reason,
  type Rule,
  type VmFacts,
} from "./question.ts";
import { holdersOf, userOf } from "./holders.ts";
import { listed, lower, sentence } from "./phrases.ts";

/** Explains a port: what failed, what is forwarded, who else holds it, who would like it, or that it is nobody's. */
export function explainPort(facts: PortFacts): Explanation {
  const { protocol: asked } = facts.question;
  const protocols = asked === undefined ? (["tcp", "udp", "sctp"] as const) : [asked];
  const ranked = protocols.flatMap((protocol) => [
    ...facts.vms.flatMap((vm) => reasonsOf(vm, protocol, facts)),
    ...holdersOf(protocol, facts),
  ]);
  const reasons = ranked.toSorted((a, b) => ranks.indexOf(a.rank) - ranks.indexOf(b.rank)).map(withoutRank);
  const told = reasons.length === 0 ? [nobody(facts.question)] : reasons;
  return { reasons: [...told, ...rightsTo(facts), ...rulesOn(facts)], notes: facts.vms.flatMap(noteOn) };
}

// --- internal ---

function withoutRank({ rule, text }: Ranked): Reason {
  return { rule, text };
}

function reasonsOf(vm: VmFacts, protocol: Publish["protocol"], facts: PortFacts): Ranked[] {
  const forwards = vm.forwards.filter((forward) => forward.protocol === protocol);
  const publishes = vm.publishes.filter((publish) => publish.protocol === protocol);
  const containers = [...new Set(forwards.map(({ container }) => container))];
  const isForwarded = ({ container }: Publish): boolean =>
    forwards.some((forward) => forward.source === "docker" && forward.container === container);
  const idle = publishes.filter((publish) => !isForwarded(publish));
  return [
    ...containers.flatMap((container) => {
      const own = forwards.filter((forward) => forward.container === container);
      const isDockers = own.some(({ source }) => source === "docker");
      const publish = publishes.find((each) => isDockers && each.container === container);
      return [
        ...own.filter(({ state }) => state === "failed").map((forward) => failed(vm, forward)),
        ...forwarded(
          vm,
          own.filter(({ state }) => state === "open"),
          publish,
        ),
      ];
    }),
    ...idle.map((publish) => notForwarded(vm, publish, facts)),
  ];
}

const rulesOfRefusals: Readonly<Record<Refusal, Rule>> = {
  taken: "taken",
  rights: "refused",
  address: "address",
  denied: "ports.deny",
  protocol: "sctp",
  other: "refused",
};

function failed(vm: VmFacts, forward: ForwardStatus): Ranked {
  const { protocol, hostIp, hostPort, error, refusal } = forward;
  const rule = rulesOfRefusals[refusal ?? "other"];
  const wanted = `${subject(forward, vm)} wants port ${hostPort}/${protocol} on ${hostIp}, and does not get it`;
  return { rank: "failed", rule, text: `${wanted}: ${sentence(error ?? "the reason is not known")}` };
}

function forwarded(vm: VmFacts, open: readonly ForwardStatus[], publish: Publish | undefined): Ranked[] {
  const [first] = open;
  if (first === undefined) return [];
  const places = open.map(({ hostIp }) => hostIp);
  const sum = (of: "connections" | "bytes"): number => open.reduce((total, forward) => total + forward[of], 0);
  const { rule, why } = whyThere(places, first.source, publish);
  const errors = [...new Set(open.flatMap(({ error }) => (error === null ? [] : [sentence(error)])))];
  const text = [
    `Port ${first.hostPort}/${first.protocol} is forwarded to ${lower(subject(first, vm))}: ` +
      `it listens on ${listed(places)}, ${counted(sum("connections"), "connection")} open, ${byteSize(sum("bytes"))} carried.`,
    why,
    ...errors.map((error) => `The last client that was turned away: ${error}`),
  ];
  return [{ rank: "forwarded", rule, text: text.join(" ") }];
}

function whyThere(places: readonly string[], source: Source, publish?: Publish): { rule: Rule; why: string } {
  if (publish === undefined) return { rule: source, why: reasonsOfSources[source] };
  const { hostIp, containerPort, protocol, asked } = publish;
  const target = `its port ${containerPort}/${protocol}`;
  const chosen =
    asked === "port" ? "" : ` (Docker chose the number${asked === "range" ? " from the range asked for" : ""})`;
  if (!isUnspecified(hostIp)) {
    return { rule: "docker", why: `Docker publishes ${target} on ${hostIp} alone${chosen}, and so it is.` };
  }
  const bind = places.some(isUnspecified) ? "all" : "loopback";
  return {
    rule: "ports.bind",
    why: `Docker publishes ${target} on no address in particular${chosen}, and ports.bind is ${bind}.`,
  };
}

function notForwarded(vm: VmFacts, publish: Publish, { question, holders, vms }: PortFacts): Ranked {
  const { protocol, container, state, asked } = publish;
  const name = subjectOf({ source: "docker", container, guestPort: null }, vm.name);
  const port = `${question.port}/${protocol}`;
  if (protocol === "sctp") {
    const text = `${name} publishes port ${port}, which cannot be forwarded: between host and guest go TCP and UDP only.`;
    return { rank: "failed", rule: "sctp", text };
  }
  if (state === "running" || state === "restarting" || state === "paused") {
    const reason = vm.state === "running" ? "see `qn logs`" : `the VM is ${vm.state}`;
    return {
      rank: "failed",
      rule: "docker",
      text: `${name} publishes port ${port}, but there is no forward: ${reason}.`,
    };
  }
  const wish = asked === "range" ? `may get port ${port} from its range` : `gets port ${port}`;
  const others = holders.filter(
    (holder) => holder.protocol === protocol && addressesFor(publish.hostIp).some((ip) => isInTheWay(holder, ip)),
  );
  const but =
    others.length === 0
      ? "."
      : `, which fails as long as ${listed([...new Set(others.map((holder) => userOf(holder, vms)))])} has it.`;
  return {
    rank: "asked",
    rule: others.length === 0 ? "docker" : "taken",
    text: `${name} is ${state} now, and ${wish} when it starts${but}`,
  };
}

function nobody({ port, protocol }: PortQuestion): Reason {
  const name = protocol === undefined ? `${port}` : `${port}/${protocol}`;
  return {
    rule: "none",
    text: `Nobody holds port ${name} on this machine, and no container that qn can see wants it.`,
  };
}

/** What keeps this user's VMs from it, before anybody tries; a forward that has failed says it itself. */
function rightsTo({ rights, vms }: PortFacts): Reason[] {
  const isTold = vms.some(({ forwards }) => forwards.length > 0);
  return rights === undefined || isTold ? [] : [{ rule: "refused", text: `qn cannot forward it. ${rights}` }];
}

/** What the VMs' own rules say of the port, whoever wants it. */
function rulesOn({ question: { port }, vms }: PortFacts): Reason[] {
  return vms.flatMap(({ name, denied, slot, unheard, forwards }): Reason[] => [
    ...(unheard.length === 0 || forwards.length > 0
      ? []
      : [
          {
            rule: "ports.listen" as const,
            text: `The VM "${name}" forwards no port of ${listed(unheard)} in its own network: its ports.listen is false.`,
          },
        ]),
    ...(denied === undefined
      ? []
      : [
          {
            rule: "ports.deny" as const,
            text: `The VM "${name}" forwards it for nobody: its ports.deny has ${denied}.`,
          },
        ]),
    ...(slot === undefined
      ? []
      : [
          {
            rule: "slot" as const,
            text: `Docker in the VM "${name}" gives port ${port} to a container that asks for any: it has ${slot.first}-${slot.last} for that.`,
          },
        ]),
  ]);
}

function noteOn({ name, state, problem }: VmFacts): string[] {
  if (problem !== undefined) return [`The VM "${name}" could not be asked: ${sentence(problem)}`];
  if (state === "running" || state === "degraded") return [];
  return [`The VM "${name}" is ${state}; what its containers publish shows only while it runs.`];
}

/** Where a publish may listen; which of the two `ports.bind` says, both hold for a conflict on loopback. */
function addressesFor(hostIp: string): readonly string[] {
  return isUnspecified(hostIp) ? ["127.0.0.1", "::1"] : [hostIp];
}

function isInTheWay({ addresses }: PortHolder, wanted: string): boolean {
  return addresses.some((held) => overlaps(held, wanted));
}

function subject(forward: ForwardStatus, vm: VmFacts): string {
  return subjectOf(forward, vm.name);
}
