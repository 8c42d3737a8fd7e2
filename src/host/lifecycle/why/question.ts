/** What `qn why` is asked, what is known, and what an answer is made of. */
import type { PortRange } from "../../../protocol/messages.ts";
import type { PortHolder } from "../../../system/port-holders.ts";
import type { Source } from "../../ports/source.ts";
import type { ForwardStatus } from "../../supervisor/messages.ts";

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
  /** The containers in the guest's own network, whose ports `ports.listen` keeps from being forwarded. */
  readonly unheard: readonly string[];
  readonly supervisorPid: number | undefined;
  readonly qemuPid: number | undefined;
  /** The rule of its `ports.deny` that has the port. */
  readonly denied: string | undefined;
  /** The ports that its Docker chooses from, when the port is one of them. */
  readonly slot: PortRange | undefined;
  /** What the port is for when it is one of the VM's own ways in. */
  readonly wayIn: "gate" | "ssh" | undefined;
};

/** Everything that the answer is made from. */
export type PortFacts = {
  readonly question: PortQuestion;
  readonly holders: readonly PortHolder[];
  /** Why this user may not listen on it, and the remedy. */
  readonly rights: string | undefined;
  readonly vms: readonly VmFacts[];
};

/** What decided. */
export type Rule =
  | "taken"
  | "sctp"
  | "address"
  | "refused"
  | "ports.bind"
  | "ports.deny"
  | "ports.listen"
  | "slot"
  | Source
  | "qn"
  | "other"
  | "none";

/** One sentence of the answer, and the rule in it. */
export type Reason = { readonly rule: Rule; readonly text: string };

/** What a person looks for first: what went wrong. */
export const ranks = ["failed", "forwarded", "held", "asked"] as const;

/** A sentence with its place in the answer. */
export type Ranked = Reason & { readonly rank: (typeof ranks)[number] };

/** The whole answer, most important first; `notes` are what could not be found out. */
export type Explanation = { readonly reasons: readonly Reason[]; readonly notes: readonly string[] };
