/** A program that a test talks with while it runs: line by line, each awaited with a deadline. */
import { within } from "./until.ts";

/** A running program. Ended at the end of the test if it has not ended by itself. */
export type Conversation = AsyncDisposable & {
  readonly pid: number;
  /** Writes to its standard input. */
  say(text: string): void;
  /** Closes its standard input. */
  hush(): void;
  /** The next line of its standard output. Throws when it ends without one, or is silent for too long. */
  nextLine(deadlineMs?: number): Promise<string>;
  /** Its exit status. Throws when it does not end by itself in time. */
  end(deadlineMs?: number): Promise<number>;
  kill(signal: NodeJS.Signals): void;
};

const patienceMs = 30_000;

/** Starts a program to talk with. `errors: "only"` reads its standard error in place of its standard output. */
export function converse(
  command: readonly string[],
  options: { readonly env?: Record<string, string | undefined>; readonly errors?: "only" } = {},
): Conversation {
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...options.env },
    stdin: "pipe",
    stdout: options.errors === "only" ? "ignore" : "pipe",
    stderr: options.errors === "only" ? "pipe" : "ignore",
  });
  const lines = linesOf(child.stdout ?? child.stderr ?? new ReadableStream());
  const name = command.slice(0, 3).join(" ");
  return {
    pid: child.pid,
    say(text) {
      void child.stdin.write(text);
      void child.stdin.flush();
    },
    hush: () => void child.stdin.end(),
    async nextLine(deadlineMs = patienceMs) {
      const { value, done } = await within(`a line of ${name}`, deadlineMs, lines.next());
      if (done === true) throw new Error(`${name} has ended.`);
      return value;
    },
    end: (deadlineMs = patienceMs) => within(`the end of ${name}`, deadlineMs, child.exited),
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

// --- internal ---

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    const lines = (text + decoder.decode(bytes, { stream: true })).split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
  if (text !== "") yield text;
}
