/** Child processes in the foreground, such as ssh: they inherit standard streams and terminal, and get the signals. */
import { outlivesTerminal } from "../../system/kernel/hang-up.ts";
import { endingSignals } from "./signals.ts";

/** How one ended: with which exit status, and whether a signal to this process had asked for that. */
export type Ending = { readonly exitCode: number; readonly wasInterrupted: boolean };

/**
 * Runs a child process with this one's standard streams and terminal, and forwards the signals that would end this one.
 * It works in the root folder unless another one is given: a connection that it leaves open for the next one must not
 * hold the folder that a person is in.
 */
export async function runForeground(
  words: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<Ending> {
  const command = outlivesTerminal() ? [...outliving, ...words] : [...words];
  const child = Bun.spawn(command, { cwd: "/", ...options, stdio: ["inherit", "inherit", "inherit"] });
  let wasInterrupted = false;
  const hear = (name: NodeJS.Signals): void => {
    wasInterrupted = true;
    // The terminal sends SIGINT and SIGQUIT to the whole foreground process group, the child too; this process only
    // outlives it.
    if (name === "SIGTERM" || name === "SIGHUP") child.kill(name);
  };
  for (const name of [...endingSignals(), "SIGQUIT"] as const) process.on(name, hear);
  return { exitCode: await child.exited, wasInterrupted };
}

// --- internal ---

/** The runtime lets no program that it starts ignore a signal; a shell does. */
const outliving = ["/bin/sh", "-c", `trap '' HUP; exec "$@"`, "sh"];
