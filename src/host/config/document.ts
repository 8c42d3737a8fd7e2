/** Changes settings in the text of a YAML file: remarks, order and everything that is not changed stay. */
import { type Document, isMap, isNode, parseDocument, type YAMLMap } from "yaml";
import { QnError } from "../../base/errors.ts";
import type { SettingsFile } from "./load.ts";

/**
 * The text with each setting at its new value; undefined takes it out. Throws CONFIG_INVALID when the text is no YAML,
 * or no mapping.
 */
export function withSettings({ path: file, text }: SettingsFile, changes: ReadonlyMap<string, unknown>): string {
  const document: Document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) {
    // Behind its first line it draws the place.
    const [what = ""] = error.message.split(/:?\n/);
    throw new QnError("CONFIG_INVALID", `${file} is not YAML: ${what}.`);
  }
  document.contents ??= document.createNode({});
  const { contents } = document;
  if (!isMap(contents)) throw new QnError("CONFIG_INVALID", `${file} must be a mapping of names to values.`);
  for (const [path, value] of changes) {
    if (value === undefined) takeOut(document, contents, path.split("."));
    else put(document, path.split("."), value);
  }
  // Without settings YAML would write "{}"; only the remarks are left.
  if (contents.items.length === 0) return remarks(document);
  const indent = /^( {1,8})\S/m.exec(text)?.[1]?.length ?? 2;
  return document.toString({ lineWidth: 0, indent });
}

// --- internal ---

function put(document: Document, names: readonly string[], value: unknown): void {
  const section = names.slice(0, -1);
  if (section.length > 0 && !isMap(document.getIn(section))) document.setIn(section, document.createNode({}));
  // A plain value that is set as it is keeps the remark behind the old one.
  document.setIn(names, typeof value === "object" && value !== null ? document.createNode(value) : value);
}

function takeOut(document: Document, contents: YAMLMap, names: readonly string[]): void {
  if (!document.hasIn(names)) return;
  const [name, inner] = names;
  const section = document.get(name);
  if (inner !== undefined && isMap(section) && section.items.length > 1) return void document.deleteIn(names);
  const [first] = contents.items;
  const { key } = first ?? {};
  if (isNode(key) && key.toJSON() === name && typeof key.commentBefore === "string") {
    // The remarks above the first setting are the file's own head too.
    document.commentBefore = [document.commentBefore, key.commentBefore].filter(Boolean).join("\n\n");
  }
  contents.delete(name);
}

function remarks({ commentBefore, comment }: Document): string {
  const lines = [commentBefore, comment].flatMap((text) => text?.split("\n") ?? []);
  return lines.map((line) => (line === "" ? "\n" : `#${line}\n`)).join("");
}
