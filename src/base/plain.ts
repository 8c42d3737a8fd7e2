/** Text of somebody else's on its way to a terminal or a log: all of it is shown, and none of it obeyed. */

/**
 * One line. Control characters are escaped (`\x1b`), line ends among them, and so are those that change a text's
 * direction or cannot be seen: names and errors may come from a container, and must neither send escape sequences nor
 * make a line of their own.
 */
export function plain(text: string): string {
  return text.replaceAll(unprintable, escaped);
}

/** The same of a text of many lines: what ends its lines, and tabs, are left. */
export function plainLines(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replaceAll(unprintable, (character) =>
      character === "\n" || character === "\t" ? character : escaped(character),
    );
}

/** JSON as a terminal may have it: JSON itself escapes line ends and C0, and leaves C1 and directions as they are. */
export function plainJson(json: string): string {
  // Nearly always there is nothing to escape, and to prepare the classes below takes longer than to print a list.
  if (/^[\n\x20-\x7e]*$/.test(json)) return json;
  return json.replaceAll(unprintable, (character) =>
    character === "\n" ? character : Array.from({ length: character.length }, (_, at) => utf16(character, at)).join(""),
  );
}

// --- internal ---

/** Control characters, those that change a text's direction or break lines, halves of a pair (Unicode, chapter 4). */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

function escaped(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}

function utf16(character: string, at: number): string {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
}
