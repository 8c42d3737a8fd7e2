/** `qn ports --watch`: the forwards as they change, redrawn in a terminal, line by line elsewhere. */
import type { VmPaths } from "../../host/layout.ts";
import { watchPorts } from "../../host/lifecycle/watch-ports.ts";
import type { ForwardStatus } from "../../host/supervisor/messages.ts";
import { changeLine, changesBetween, forwardTable } from "./ports-lines.ts";
import { output } from "./output.ts";
import { printJsonLine } from "./print.ts";
import { interruptionOrNoReader } from "./signals.ts";

/** Shows the forwards until the VM stops or a signal comes. Throws what watchPorts throws. */
export async function followPorts(paths: VmPaths, asJson: boolean): Promise<void> {
  using over = interruptionOrNoReader();
  const { signal } = over;
  if (asJson || !process.stdout.isTTY) return await watchPorts(paths, signal, printChanges(asJson));
  using screen = redrawn(paths.name);
  await watchPorts(paths, signal, (ports) => screen.show(ports));
}

// --- internal ---

/** One line for each forward that is there at first, and for each that has changed since. */
function printChanges(asJson: boolean): (ports: readonly ForwardStatus[]) => void {
  let before: readonly ForwardStatus[] = [];
  return (now) => {
    for (const change of changesBetween(before, now)) {
      if (asJson) printJsonLine("ports ls --watch", change);
      else output(`${changeLine(change)}\n`);
    }
    before = now;
  };
}

/** Moves the cursor up so many lines and erases from there on (ECMA-48: CUU, ED). */
function back(lines: number): string {
  return lines === 0 ? "" : `\u001b[${lines}A\u001b[J`;
}

/** Erases the screen and goes to its top (ED, CUP): the terminal wraps what was drawn anew when its width changes. */
const clear = "\u001b[2J\u001b[H";

/** A table that is redrawn in place, and when the terminal is resized (SIGWINCH). */
function redrawn(vm: string): { show(ports: readonly ForwardStatus[]): void } & Disposable {
  const { stdout } = process;
  let last: readonly ForwardStatus[] = [];
  let drawn = 0;
  const draw = (before: string): void => {
    const lines = fitted(last.length === 0 ? [`VM "${vm}" has no forwards.`] : forwardTable(last), stdout);
    output(`${before}${lines.join("\n")}\n`);
    drawn = lines.length;
  };
  const onResize = (): void => draw(clear);
  stdout.on("resize", onResize);
  return {
    show(ports) {
      last = ports;
      draw(back(drawn));
    },
    [Symbol.dispose]: () => void stdout.off("resize", onResize),
  };
}

/** The lines that fit into the terminal, each truncated to its width; the last one says how many did not. */
function fitted(lines: readonly string[], { columns, rows }: { columns: number; rows: number }): string[] {
  // The cursor stands in a line of its own. A terminal without a size (0 by 0) is taken for 80 by 24.
  const room = Math.max(2, (rows || 24) - 1);
  const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `… and ${lines.length - room + 1} more`];
  return shown.map((line) => line.slice(0, columns || 80));
}
