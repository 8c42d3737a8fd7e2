/** The recording on README's first screen: what it is made from, and that it is of what README says. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { formatRecording, parseRecording, pictureOf } from "../../../scripts/support/recording.ts";
import { shellBlocks } from "../../../scripts/support/shell-blocks.ts";

const root = join(import.meta.dir, "../../..");
const page = (path: string) => Bun.file(join(root, path)).text();

const sample = {
  columns: 80,
  rows: 24,
  idleMaxS: 2,
  sent: [
    { atS: 0, text: "$ " },
    { atS: 0.5, text: "a <b> & c\r\n" },
    { atS: 60, text: "\u001b[32mdone\u001b[39m, \u001b[1;33mwell\u001b[0m\r\n" },
  ],
};

test("a recording is written and read as asciicast v2, a line for each time that something was sent", () => {
  const text = formatRecording(sample);
  expect(text.split("\n").slice(0, 2)).toEqual([
    '{"version":2,"width":80,"height":24,"idle_time_limit":2}',
    '[0,"o","$ "]',
  ]);
  expect(parseRecording(text)).toEqual(sample);
});

test("its picture shows each line when it was whole, long waits cut short, and no character of it is markup", () => {
  const texts = pictureOf(sample).match(/<text.*<\/text>/g);
  expect(texts).toEqual([
    '<text y="28" style="animation-delay:0.5s"><tspan>$ a &lt;b&gt; &amp; c</tspan></text>',
    '<text y="48" style="animation-delay:2.5s"><tspan fill="#a5d6a7">done</tspan><tspan>, </tspan><tspan fill="#ffd580">well</tspan></text>',
  ]);
});

test("a line is as wide as the terminal, and has no blanks at its end", () => {
  const texts = pictureOf({ ...sample, columns: 4, sent: [{ atS: 0, text: "ab\u001b[31mcdef  \r\ng   \r\n" }] });
  expect(texts.match(/<tspan.*<\/tspan>/g)).toEqual([
    '<tspan>ab</tspan><tspan fill="#f07178">cd</tspan>',
    '<tspan fill="#f07178">ef</tspan>',
    '<tspan fill="#f07178">g</tspan>',
  ]);
});

test("what moves the cursor cannot be drawn, and is refused", () => {
  for (const text of ["\u001b[K", "\u001b[2A", "\rx", "\u001b]0;title\u0007"])
    expect(() => pictureOf({ ...sample, sent: [{ atS: 0, text }] })).toThrow("more than lines");
});

test("README's recording is of the lines that README shows first, and its picture is made from it", async () => {
  const recording = parseRecording(await page("docs/recording.cast"));
  expect(await page("docs/recording.svg")).toBe(pictureOf(recording));
  const typed = recording.sent
    .map(({ text }) => text)
    .join("")
    .matchAll(/^\$ (.+)\r\n/gm);
  const first = shellBlocks(await page("README.md")).find(({ isRun }) => isRun);
  expect([...typed].map(([, line]) => line)).toEqual(first?.code.trim().split("\n") ?? []);
});
