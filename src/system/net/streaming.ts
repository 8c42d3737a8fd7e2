/** The door to programs that stream: pipes one into another with backpressure, and counts the bytes. */
import type { Subprocess } from "bun";
import { QnError } from "../../base/errors.ts";
import { findProgram } from "../process.ts";

/** A program whose standard streams are at hand: `in` is what it reads, `out` what it says. */
export type Streaming = {
  readonly in: { write(bytes: Uint8Array): Promise<void>; end(): Promise<void> };
  readonly out: ReadableStream<Uint8Array>;
  /** What it has said on standard error, cut at 64 KiB, once it has ended. */
  readonly said: Promise<string>;
  /** Its exit status; above 128 when a signal ended it. */
  readonly exited: Promise<number>;
  kill(): void;
};

/** Starts a program with pipes at its streams; `cwd` is its folder. Throws TOOL_MISSING when it is not in PATH. */
export function startStreaming(
  command: readonly string[],
  options: { readonly env?: Record<string, string | undefined>; readonly cwd?: string } = {},
): Streaming {
  const [program = "", ...words] = command;
  const path = findProgram(program, process.env["PATH"]);
  if (path === undefined) throw new QnError("TOOL_MISSING", `The program "${program}" is not in PATH.`);
  const child = Bun.spawn([path, ...words], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  return {
    in: inputOf(child),
    out: child.stdout,
    said: firstOf(child.stderr),
    exited: child.exited,
    kill: () => child.kill(),
  };
}

/** Passes everything on, telling how much; ends early when the reader does. `reader` hears the end either way. */
export async function pass(
  bytes: AsyncIterable<Uint8Array>,
  reader: Streaming,
  onBytes: (count: number) => void,
): Promise<void> {
  let isOver = false;
  const over = reader.exited.then(() => void (isOver = true));
  for await (const chunk of bytes) {
    if (isOver) break;
    await Promise.race([reader.in.write(chunk), over]);
    onBytes(chunk.length);
  }
  await reader.in.end();
}

// --- internal ---

const saidBytesMax = 64 * 1024;

/** What is written to a program that has ended is lost; its exit status says why. */
async function orLost(action: () => unknown): Promise<void> {
  try {
    await action();
  } catch {
    // EPIPE, as said above.
  }
}

function inputOf({ stdin }: Subprocess<"pipe", "pipe", "pipe">): Streaming["in"] {
  return {
    write: (bytes) =>
      orLost(async () => {
        await stdin.write(bytes);
        await stdin.flush();
      }),
    end: () => orLost(() => stdin.end()),
  };
}

/** The first bytes of a stream as text; the rest is read and thrown away, so that nobody has to wait. */
async function firstOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    if (bytes < saidBytesMax) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, saidBytesMax).toString();
}
