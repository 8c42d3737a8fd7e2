/** Somebody who types into a program at a terminal of its own, and reads what it shows. */

/** Ended at the end of the test if it has not ended by itself. */
export type PersonAtTerminal = AsyncDisposable & {
  type(keys: string): void;
  /** Makes the window another size: the program hears of it as from any terminal. */
  resize(columns: number, rows: number): void;
  /** Waits until `words` have been shown since the last ones that were waited for. Throws when the program ends without. */
  sees(words: string): Promise<void>;
  /** The program's exit status. */
  end(): Promise<number>;
};

/** Starts the program in a window of this size. */
export function atTerminal(
  command: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
    readonly columns: number;
    readonly rows: number;
  },
): PersonAtTerminal {
  let shown = "";
  let look = (): void => {};
  const decoder = new TextDecoder();
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...options.env, TERM: "xterm" },
    cwd: options.cwd,
    terminal: {
      cols: options.columns,
      rows: options.rows,
      data: (_, data) => {
        shown += decoder.decode(data, { stream: true });
        look();
      },
    },
  });
  const { terminal } = child;
  if (terminal === undefined) throw new Error("There is no terminal on this system.");
  return {
    type: (keys) => void terminal.write(keys),
    resize: (columns, rows) => terminal.resize(columns, rows),
    async sees(words) {
      const found = Promise.withResolvers<void>();
      look = () => {
        const at = shown.indexOf(words);
        if (at < 0) return;
        shown = shown.slice(at + words.length);
        look = () => {};
        found.resolve();
      };
      look();
      const ended = child.exited.then((status) => {
        throw new Error(`It ended with ${status} and never showed ${JSON.stringify(words)}: ${JSON.stringify(shown)}`);
      });
      await Promise.race([found.promise, ended]);
    },
    end: () => child.exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      terminal.close();
    },
  };
}
