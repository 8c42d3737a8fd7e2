/** Why a port of the host is as it is: who holds it, who wants it, and which rule decided, as sentences. */
import { byteSize, counted } from "../../base/words.ts";
import type { PortRange } from "../../protocol/messages.ts";
import type { PortHolder } from "../../system/port-holders.ts";
import type { ForwardStatus } from "../supervisor/messages.ts";
import { isUnspecified, overlaps } from "../ports/plan.ts";
import { vmOf } from "../ports/refusal.ts";
import { reasonsOfSources, type Source, subjectOf } from "../ports/source.ts";

/** What may be asked: a port of each protocol, or of one. */
export type PortQuestion = { readonly port: number; readonly protocol: ForwardStatus["protocol"] | undefined };

/** A container that was made to publish the port. */
export type Publish = {
  readonly protocol: ForwardStatus["protocol"];
  readonly container: string;
  /** Docker's word: "running", "exited", "created", … */
  readonly state: string;
  readonly hostIp: string;
  readonly containerPort: number;
  /** How the host's port was given: as itself, in a range, or not at all, so that Docker took one. */
  readonly asked: "port" | "range" | "any";
};

/** What is known of one VM about one port. */
export type VmFacts = {
  readonly name: string;
  readonly state: string;
  /** Why it could not be asked all that there is to ask. */
  readonly problem: string | undefined;
  readonly forwards: readonly ForwardStatus[];
  readonly publishes: readonly Publish[];
  readonly supervisorPid: number | undefined;
  readonly qemuPid: number | undefined;
  /** The rule of its `ports.deny` that has the port. */
  readonly denied: string | undefined;
  /** The ports that its Docker chooses from, when the port is one of them. */
  readonly slot: PortRange | undefined;
  /** What the port is for when it is one of the VM's own ways in. */
  readonly wayIn: "gate" | "ssh" | undefined;
};

/** Everything that the answer is made from. `hostAddresses` are those of this machine. */
export type PortFacts = {
  readonly question: PortQuestion;
  readonly holders: readonly PortHolder[];
  readonly vms: readonly VmFacts[];
  readonly hostAddresses: readonly string[];
};

/** What decided. */
export type Rule =
  | "taken"
  | "sctp"
  | "address"
  | "refused"
  | "ports.bind"
  | "ports.deny"
  | "slot"
  | Source
  | "qn"
  | "other"
  | "none";

/** One sentence of the answer, and the rule in it. */
export type Reason = { readonly rule: Rule; readonly text: string };

/** The whole answer, most important first; `notes` are what could not be found out. */
export type Explanation = { readonly reasons: readonly Reason[]; readonly notes: readonly string[] };

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
  return { reasons: [...told, ...rulesOn(facts)], notes: facts.vms.flatMap(noteOn) };
}

// --- internal ---

/** What a person looks for first: what went wrong. */
const ranks = ["failed", "forwarded", "held", "asked"] as const;

type Ranked = Reason & { readonly rank: (typeof ranks)[number] };

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
        ...own.filter(({ state }) => state === "failed").map((forward) => failed(vm, forward, facts)),
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

function failed(vm: VmFacts, forward: ForwardStatus, { hostAddresses, holders }: PortFacts): Ranked {
  const { protocol, hostIp, hostPort, error } = forward;
  const isTaken = holders.some(
    (holder) => holder.protocol === protocol && holder.pid !== vm.supervisorPid && isInTheWay(holder, hostIp),
  );
  const isHere = isUnspecified(hostIp) || hostIp.startsWith("127.") || hostAddresses.includes(hostIp);
  const isDenied = error?.includes("ports.deny") === true;
  const rule: Rule =
    protocol === "sctp" ? "sctp" : isDenied ? "ports.deny" : !isHere ? "address" : isTaken ? "taken" : "refused";
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
  const name = subjectOf("docker", container, vm.name);
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

function holdersOf(protocol: Publish["protocol"], { question, holders, vms }: PortFacts): Ranked[] {
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

const ways = { gate: "the gate to its agent", ssh: "for ssh" } as const;

function processWords({ pid, name, command }: PortHolder): string {
  if (pid === undefined) return "another user's process";
  const vm = vmOf(command);
  return vm === undefined ? `${name ?? "a process"} (pid ${pid})` : `the supervisor of the VM "${vm}" (pid ${pid})`;
}

/** Who really uses a port: the container behind a supervisor's forward, or the process itself. */
function userOf(holder: PortHolder, vms: readonly VmFacts[]): string {
  const vm = vms.find(({ supervisorPid }) => holder.pid !== undefined && supervisorPid === holder.pid);
  const forward = vm?.forwards.find(({ protocol, state }) => protocol === holder.protocol && state === "open");
  return vm === undefined || forward === undefined ? processWords(holder) : lower(subject(forward, vm));
}

function nobody({ port, protocol }: PortQuestion): Reason {
  const name = protocol === undefined ? `${port}` : `${port}/${protocol}`;
  return {
    rule: "none",
    text: `Nobody holds port ${name} on this machine, and no container that qn can see wants it.`,
  };
}

/** What the VMs' own rules say of the port, whoever wants it. */
function rulesOn({ question: { port }, vms }: PortFacts): Reason[] {
  return vms.flatMap(({ name, denied, slot }): Reason[] => [
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

function subject({ source, container }: ForwardStatus, vm: VmFacts): string {
  return subjectOf(source, container, vm.name);
}

/** Where a publish may listen; which of the two `ports.bind` says, both hold for a conflict on loopback. */
function addressesFor(hostIp: string): readonly string[] {
  return isUnspecified(hostIp) ? ["127.0.0.1", "::1"] : [hostIp];
}

function isInTheWay({ addresses }: PortHolder, wanted: string): boolean {
  return addresses.some((held) => overlaps(held, wanted));
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}

function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

function capital(text: string): string {
  // Names of programs stay as they are written.
  return text.replace(/^(the|another|a) /, (word) => word.charAt(0).toUpperCase() + word.slice(1));
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
