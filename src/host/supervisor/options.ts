/** What a supervisor is started with. */
import type { ConfigInput } from "../config/schema.ts";
import type { Layout, VmPaths } from "../layout.ts";
import type { Environment } from "../vm/settings.ts";
import type { ForwardsChange } from "../ports/apply.ts";
import type { Event, Limits } from "./states.ts";

/** What a supervisor is started with. */
export type SuperviseOptions = {
  readonly layout: Layout;
  readonly paths: VmPaths;
  readonly env: Environment;
  /** Settings on top of the file's and the environment's. */
  readonly flags: ConfigInput;
  readonly version: string;
  /** What starts another process of this program. */
  readonly self: readonly string[];
  /** What is not given is as long as the accelerator needs. */
  readonly limits: Partial<Limits & { readonly silenceMs: number }>;
  /** Called once commands can connect. */
  readonly onListening: () => void;
  /** One that is suspended, and may fall asleep, is left asleep until somebody uses it. */
  readonly leavesAsleep?: boolean;
  /** Of a throw-away VM, what it is a copy of; of a template its own paths. */
  readonly template?: VmPaths;
  /** Takes each line of the supervisor's log; standard error unless given. */
  readonly log?: (line: string) => void;
  /** Hears of each QEMU when it has been started. */
  readonly onQemu?: (pid: number) => void;
  /** Asks for a clean shutdown when it fires. */
  readonly signal: AbortSignal;
};

/** How the effects tell what came of them. */
export type Teller = {
  readonly dispatch: (event: Event) => void;
  readonly onForwards: (what: ForwardsChange) => void;
  readonly onFetching: (text: string) => void;
  readonly onProvision: (step: number, of: number) => void;
  readonly warn: (text: string) => void;
  readonly log: (text: string) => void;
};
