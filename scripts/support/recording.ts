/** Recordings of a terminal: asciicast v2 (docs.asciinema.org/manual/asciicast/v2), and a picture of one that moves. */

/** What the terminal was sent, `atS` seconds after the beginning. */
export type Sent = { readonly atS: number; readonly text: string };

/** A recording: the terminal's size, and how long nothing may happen in it when it is shown. */
export type Recording = {
  readonly columns: number;
  readonly rows: number;
  readonly idleMaxS: number;
  readonly sent: readonly Sent[];
};

/** A recording as asciicast v2: a line of JSON about it, and one for each time that something was sent. */
export function formatRecording({ columns, rows, idleMaxS, sent }: Recording): string {
  const head = { version: 2, width: columns, height: rows, idle_time_limit: idleMaxS };
  const lines = sent.map(({ atS, text }) => JSON.stringify([Number(atS.toFixed(2)), "o", text]));
  return `${[JSON.stringify(head), ...lines].join("\n")}\n`;
}

/** Reads what formatRecording has written. */
export function parseRecording(text: string): Recording {
  const [head = "", ...lines] = text.trim().split("\n");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- formatRecording has written it
  const about = JSON.parse(head) as { width: number; height: number; idle_time_limit: number };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same
  const sent = lines.map((line) => JSON.parse(line) as [number, string, string]);
  return {
    columns: about.width,
    rows: about.height,
    idleMaxS: about.idle_time_limit,
    sent: sent.map(([atS, , told]) => ({ atS, text: told })),
  };
}

/**
 * A recording as SVG: each line appears when it was whole, and those who want no motion see all of them at once. It knows
 * lines and colours, and letters that take one column. Throws on whatever else a program has told its terminal, such as moving the cursor.
 */
export function pictureOf(recording: Recording): string {
  const lines = linesOf(recording);
  const [width, height] = [recording.columns * 8.4 + 24, lines.length * 20 + 24].map(Math.ceil);
  const texts = lines.map(
    ({ atS, runs }, index) =>
      `<text y="${index * 20 + 28}" style="animation-delay:${atS.toFixed(1)}s">${runs
        .map(({ text, colour }) => `<tspan${colour === undefined ? "" : ` fill="${colour}"`}>${escaped(text)}</tspan>`)
        .join("")}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    "<style>text{font:14px ui-monospace,Menlo,Consolas,monospace;fill:#ddd;white-space:pre;opacity:0;animation:a .1s forwards}",
    "@keyframes a{to{opacity:1}}@media(prefers-reduced-motion){text{animation-delay:0s!important}}</style>",
    `<rect width="100%" height="100%" rx="8" fill="#1d1f21"/><g transform="translate(12)">`,
    ...texts,
    "</g></svg>\n",
  ].join("\n");
}

// --- internal ---

type Run = { text: string; readonly colour: string | undefined };

/** Colours of ECMA-48's SGR that qn and its peers use, on a dark ground. */
const colours: Readonly<Record<number, string>> = {
  31: "#f07178",
  32: "#a5d6a7",
  33: "#ffd580",
  34: "#82aaff",
  35: "#d6a3ff",
  36: "#7fdbda",
  90: "#888",
};

/** Begins whatever a program tells its terminal beside text (ECMA-48: ESC). */
const escape = "\u001b";

/** A change of colours, with its numbers, the end of a line, text, or a character that is none of these. */
const parts = new RegExp(`${escape}\\[([\\d;]*)m|\\r?\\n|[^${escape}\\r\\n]+|[^]`, "g");

type Line = { atS: number; readonly runs: Run[] };

/** The lines as a terminal of so many columns breaks them, without the blanks at their ends. */
function linesOf({ sent, idleMaxS, columns }: Recording): Line[] {
  let line: Line = { atS: 0, runs: [] };
  const lines = [line];
  const next = (): void => void lines.push((line = { atS: shownS, runs: [] }));
  let [shownS, beforeS] = [0, 0];
  let colour: string | undefined;
  for (const { atS, text } of sent) {
    shownS += Math.min(atS - beforeS, idleMaxS);
    beforeS = atS;
    for (const [part, codes] of text.matchAll(parts)) {
      if (codes !== undefined) colour = codes.split(";").reduce((now, code) => colourAfter(now, Number(code)), colour);
      else if (part.endsWith("\n")) next();
      else if (part === escape || part === "\r")
        throw new Error(`The recording has more than lines: ${JSON.stringify(text)}`);
      else
        for (const letter of part) {
          if (line.runs.reduce((sum, run) => sum + run.text.length, 0) === columns) next();
          line.atS = shownS;
          const last = line.runs.at(-1);
          if (last !== undefined && last.colour === colour) last.text += letter;
          else line.runs.push({ text: letter, colour });
        }
    }
  }
  for (const { runs } of lines) {
    const last = runs.at(-1);
    if (last !== undefined) last.text = last.text.trimEnd();
  }
  return lines.filter(({ runs }, index) => runs.length > 0 || index < lines.length - 1);
}

function colourAfter(now: string | undefined, code: number): string | undefined {
  return code === 0 || code === 39 ? undefined : (colours[code] ?? now);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
