/** Types lines into one shell, as a person would, and compares what is printed with a text that was written before. */
import { randomUUID } from "node:crypto";

/** A line that was typed, what was printed (both outputs, in their order), and the exit status. */
export type Typed = { readonly line: string; readonly printed: string; readonly status: number };

/** Somebody at a shell, who keeps its variables and folder from line to line. */
export type Typist = AsyncDisposable & { type(line: string): Promise<Typed> };

/** Starts the shell: `become` are the words before `bash` that make it somebody's. Nothing that is typed can read what comes after. */
export function typist(become: readonly string[], options: { readonly cwd: string }): Typist {
  const child = Bun.spawn([...become, "bash", "--noprofile", "--norc"], {
    cwd: options.cwd,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  const write = (text: string): void => {
    void child.stdin.write(text);
    void child.stdin.flush();
  };
  write("exec 2>&1\n");
  return {
    async type(line) {
      const end = randomUUID();
      write(`{ ${line}\n} </dev/null\nprintf '\\n%s %s\\n' ${end} $?\n`);
      let text = "";
      for (;;) {
        const [, printed, status] = new RegExp(`^([^]*)\\n${end} (\\d+)\\n$`).exec(text) ?? [];
        if (printed !== undefined) return { line, printed: printed.replace(/\n$/, ""), status: Number(status) };
        const { value, done } = await reader.read();
        if (done) throw new Error(`The shell has ended at: ${line}\n${text}`);
        text += decoder.decode(value, { stream: true });
      }
    },
    async [Symbol.asyncDispose]() {
      void child.stdin.end();
      child.kill();
      await child.exited;
    },
  };
}

/**
 * The lines of a transcript with what each is to print: "$ qn ls", its output, and "[3]" where the status is not 0. "…" is
 * any text in its line, or any lines where it stands alone. What stands before the first "$" is for the reader.
 */
export function readTranscript(text: string): readonly Typed[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [line = "", ...rest] = part.trimEnd().split("\n");
      const status = /^\[(\d+)\]$/.exec(rest.at(-1) ?? "")?.[1];
      return {
        line,
        printed: rest.slice(0, status === undefined ? undefined : -1).join("\n"),
        status: Number(status ?? 0),
      };
    });
}

/** What was typed as a transcript has it. */
export function transcriptOf(all: readonly Typed[]): string {
  return all
    .map(({ line, printed, status }) =>
      [`$ ${line}`, ...(printed === "" ? [] : [printed]), ...(status === 0 ? [] : [`[${status}]`])].join("\n"),
    )
    .join("\n");
}

/** What was typed and printed, with the expected words where they fit, so that whoever compares the two sees only what is different. */
export function asExpected(all: readonly Typed[], expected: readonly Typed[]): readonly Typed[] {
  return all.map((typed, index) => {
    const { printed = "", status } = expected[index] ?? {};
    return typed.status === status && patternOf(printed).test(`${typed.printed}\n`) ? { ...typed, printed } : typed;
  });
}

// --- internal ---

function patternOf(expected: string): RegExp {
  const lines = expected.split("\n").map((line) =>
    line === "…"
      ? "(?:[^\\n]*\\n)*?"
      : `${line
          .split("…")
          .map((part) => RegExp.escape(part))
          .join("[^\\n]*?")}\\n`,
  );
  return new RegExp(`^${lines.join("")}$`);
}
