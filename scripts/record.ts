/**
 * Records what README's first block prints, with the real qn and docker: docs/recording.cast, and docs/recording.svg made from it.
 * `bun scripts/record.ts`, with a guest image below QN_HOME and no VM there; `nginx` is pulled before. The VM is deleted at
 * the end.
 */
import { join } from "node:path";
import { shellBlocks, typedLines } from "./support/shell-blocks.ts";
import { formatRecording, pictureOf, type Sent } from "./support/recording.ts";

const root = join(import.meta.dir, "..");
const [columns, rows, idleMaxS] = [90, 24, 1.5];
const readme = await Bun.file(join(root, "README.md")).text();
const lines = typedLines(shellBlocks(readme).find(({ isRun }) => isRun)?.code ?? "");

/** What the shell sends before each prompt, and no terminal shows (ECMA-48: OSC; its number is FinalTerm's). */
const promptMark = "\u001b]133;A\u0007";

const startedMs = performance.now();
const sent: Sent[] = [];
let prompted = Promise.withResolvers<void>();
const decoder = new TextDecoder();
const terminal = new Bun.Terminal({
  cols: columns,
  rows,
  data(_terminal, bytes) {
    const said = decoder.decode(bytes, { stream: true });
    const text = said.replaceAll(promptMark, "");
    if (text !== "") sent.push({ atS: (performance.now() - startedMs) / 1000, text });
    if (said.includes(promptMark)) prompted.resolve();
  },
});
const shell = Bun.spawn(["bash", "--noprofile", "--norc"], {
  terminal,
  env: {
    ...process.env,
    PATH: `${join(root, "dist")}:${process.env["PATH"]}`,
    PS1: `\\[${promptMark}\\]$ `,
    BASH_SILENCE_DEPRECATION_WARNING: "1",
    INPUTRC: "/dev/null",
  },
});
await prompted.promise;
await type("bind 'set enable-bracketed-paste off'");
// A pull draws bars over each other, and takes as long as the network does.
await type("qn up && docker pull --quiet nginx && qn down");
sent.splice(0, sent.length, { atS: (performance.now() - startedMs) / 1000, text: "$ " });
for (const line of lines) await type(line);
const firstS = sent[0]?.atS ?? 0;
const whole = { columns, rows, idleMaxS, sent: sent.map(({ atS, text }) => ({ atS: atS - firstS, text })) };
await type("docker rm --force $(docker ps --quiet); qn delete --force --data");
shell.kill();
terminal.close();
await Bun.write(join(root, "docs/recording.cast"), formatRecording(whole));
await Bun.write(join(root, "docs/recording.svg"), pictureOf(whole));

// --- internal ---

/** Types a line at a person's pace, and waits for the next prompt. */
async function type(line: string): Promise<void> {
  prompted = Promise.withResolvers<void>();
  for (const letter of line) {
    terminal.write(letter);
    await Bun.sleep(30);
  }
  terminal.write("\r");
  await prompted.promise;
}
