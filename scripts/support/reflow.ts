/** Paragraphs of Markdown in lines of a page's width. */
import { wrapped } from "../../src/cli/help.ts";

/** The text with its paragraphs and list items in lines of at most `width` columns; code, tables and headings stay. */
export function reflow(text: string, width: number): string {
  const blocks = text.split(/(^ *```[\s\S]*?^ *```$)/m);
  return blocks.map((block, index) => (index % 2 === 1 ? block : reflowed(block, width))).join("");
}

// --- internal ---

function reflowed(text: string, width: number): string {
  return text
    .split(/(\n{2,}|\n(?= *(?:[-*]|\d+\.) ))/)
    .map((part, index) => (index % 2 === 1 || /^\s*([#|<>]|$)/m.test(part.trim()) ? part : paragraph(part, width)))
    .join("");
}

/** A list's item goes on below its first word. */
function paragraph(text: string, width: number): string {
  const [, before = "", indent = "", mark = "", words = ""] =
    /^(\n*)( *)((?:[-*]|\d+\.) |)([\s\S]*?)$/.exec(text) ?? [];
  const after = /\n*$/.exec(words)?.[0] ?? "";
  const lead = " ".repeat(indent.length + mark.length);
  const lines = wrapped(words.trim().replaceAll(/\s+/g, " "), width - lead.length);
  return `${before}${indent}${mark}${lines.join(`\n${lead}`)}${after}`;
}
