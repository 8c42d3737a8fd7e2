/** The door to other programs: run one to its end, or find where it is. */
import { QnError } from "../base/errors.ts";

/** What a program that has ended left behind. */
export type Outcome = {
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
};

/** How to run a program. `signal` ends it early; after `deadlineMs` it is killed, whatever it does about signals. */
export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
  readonly stdin?: Uint8Array | ReadableStream<Uint8Array>;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  /** Hears each line of standard output as it comes, and of standard error. */
  readonly onLine?: (line: string) => void;
  readonly onErrorLine?: (line: string) => void;
};

/**
 * Runs a program to its end, whatever its exit status, and collects what it says. Never goes through a shell.
 * Throws TOOL_MISSING when the program is not there.
 */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawnChild(command, options);
  const [stdout, stderr] = await Promise.all([
    heard(child.stdout, options.onLine),
    heard(child.stderr, options.onErrorLine),
    child.exited,
  ]);
  return {
    exitCode: child.exitCode ?? -1,
    signal: child.signalCode === null ? undefined : String(child.signalCode),
    stdout,
    stderr,
  };
}

/**
 * Runs a program that goes on until `signal` fires, and hands on each line that it says. Throws when it ends by itself,
 * with its last words, and TOOL_MISSING when it is not there.
 */
export async function followProgram(
  command: readonly string[],
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const child = spawnChild(command, { signal });
  const words = new Response(child.stderr).text();
  await hearLines(child.stdout, onLine);
  await child.exited;
  if (!signal.aborted) throw new Error(`${command.join(" ")} has ended: ${(await words).trim()}`);
}

/** Where a program is, as a shell would find it in PATH, or in `path` if given; nothing when it is nowhere. */
export function findProgram(name: string, path?: string): string | undefined {
  return Bun.which(name, path === undefined ? {} : { PATH: path }) ?? undefined;
}

// --- internal ---

/** All that a stream says; each line is handed on as it comes. */
async function heard(stream: ReadableStream<Uint8Array>, onLine?: (line: string) => void): Promise<string> {
  if (onLine === undefined) return await new Response(stream).text();
  let text = "";
  await hearLines(stream, onLine, (piece) => (text += piece));
  return text;
}

/** Hands on each line of a stream but a last one without an end, and keeps none: it may go on for weeks. */
async function hearLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
  onPiece: (piece: string) => void = () => {},
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const piece = decoder.decode(chunk, { stream: true });
    onPiece(piece);
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}

function spawnChild(command: readonly string[], options: RunOptions) {
  const [program = ""] = command;
  const path = findProgram(program, (options.env ?? process.env)["PATH"]);
  if (path === undefined) throw new QnError("TOOL_MISSING", `The program "${program}" is not in PATH.`);
  return Bun.spawn([path, ...command.slice(1)], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? process.env,
    stdin: options.stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.deadlineMs === undefined ? {} : { timeout: options.deadlineMs, killSignal: "SIGKILL" }),
  });
}
