/** The guest's resolv.conf, which Docker hands on to each container that it starts: completed as the host's is. */
import { writeFile } from "node:fs/promises";
import type { NamesMessage } from "../../protocol/names.ts";
import { readTextIfThere } from "../../system/files.ts";

/**
 * The text with the host's search list and options in place of its own; the servers stay, since the agent answers for
 * them.
 */
export function completedAs(text: string, { search, options }: Pick<NamesMessage, "search" | "options">): string {
  const kept = text.split("\n").filter((line) => line !== "" && !/^\s*(search|domain|options)\s/.test(line));
  const words = [
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
  ];
  return `${[...kept, ...words].join("\n")}\n`;
}

/** Writes it where it is another one: into the file that is there, which may be a link or a mount. */
export async function completeNames(message: NamesMessage, path = "/etc/resolv.conf"): Promise<void> {
  const text = await readTextIfThere(path);
  if (text === undefined) return;
  const next = completedAs(text, message);
  if (next !== text) await writeFile(path, next);
}
