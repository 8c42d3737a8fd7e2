/** Phrases for sentences: lists, capitals, full stops. */

/** Words as a list in a sentence. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}

/** A sentence with its full stop. */
export function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

/** The text at the beginning of a sentence. */
export function capital(text: string): string {
  // Names of programs stay as they are written.
  return text.replace(/^(the|another|a) /, (word) => word.charAt(0).toUpperCase() + word.slice(1));
}

/** The text in the middle of a sentence. */
export function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
