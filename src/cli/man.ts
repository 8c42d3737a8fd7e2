/** Manual pages, as man(1) shows them (groff_man(7)): made from the same parts as the help. */
import { helpParts, type Part } from "./help-parts.ts";
import { passedOn, statusTable } from "./statuses.ts";
import { findCommand, type Found, type Group, type Root } from "./tree.ts";

/** A page: the file's name in a folder `man1`, and its source. */
export type ManPage = { readonly file: string; readonly text: string };

/** The page of what a command line names: `qn` itself, a command or a group. */
export function manPage(root: Root, found: Found): ManPage {
  const name = pageName(root, found.path);
  const [about, usage, ...parts] = helpParts(root, found);
  const lines = [
    `.TH "${name.toUpperCase()}" "1" "" "${root.name} ${root.version}" "User Commands"`,
    ".SH NAME",
    `${escaped(name)} \\- ${firstOf(about)}`,
    ".SH SYNOPSIS",
    ...(usage !== undefined && "typed" in usage ? usage.typed.flatMap(usageLines) : []),
    ...parts.flatMap(partLines),
    ...(found.path === "" ? ofAll() : []),
    ".SH SEE ALSO",
    seeAlso(root, found),
  ];
  return { file: `${name}.1`, text: `${lines.join("\n")}\n` };
}

/** The page of every command that a person sees, of groups and of `qn` itself. */
export async function manPages(root: Root): Promise<readonly ManPage[]> {
  return (await everyCommand(root)).map((found) => manPage(root, found));
}

/** Everything that a command line can name and a person sees, groups before what they hold; first `qn` itself. */
export async function everyCommand(root: Root, above: readonly string[] = []): Promise<readonly Found[]> {
  const found = await findCommand(root, above);
  const below = shownIn(found.group).map((word) => everyCommand(root, [...above, word]));
  return [found, ...(await Promise.all(below)).flat()];
}

// --- internal ---

function pageName({ name }: Root, path: string): string {
  return [name, ...path.split(" ").filter(Boolean)].join("-");
}

function shownIn(group: Group | undefined): readonly string[] {
  return Object.entries(group?.commands ?? {}).flatMap(([word, { hidden }]) => (hidden === true ? [] : [word]));
}

/** The sentence that says what a command does, without its full stop, as `apropos` lists it. */
function firstOf(part: Part | undefined): string {
  return part !== undefined && "text" in part ? escaped(part.text.replace(/\.( .*)?$/, "").replaceAll("`", "")) : "";
}

function usageLines(line: string): string[] {
  return [line.startsWith("Usage: ") ? bold(line.slice("Usage: ".length)) : `.br\n${escaped(line)}`];
}

function partLines(part: Part): string[] {
  if ("text" in part) return [".PP", words(part.text)];
  const heading = part.heading === undefined ? [] : [`.SH "${escaped(part.heading.toUpperCase())}"`];
  if ("typed" in part) return [...heading, ".EX", ...part.typed.map(escaped), ".EE"];
  return [...heading, ...partRows(part.rows)];
}

/** What holds for all commands, and is in no help of one. */
function ofAll(): string[] {
  return [
    '.SH "EXIT STATUS"',
    words(passedOn),
    ...partRows(statusTable().map(({ exit, code, text }) => [`${exit} ${code}`.trim(), text] as const)),
    ".SH ENVIRONMENT",
    ...partRows([
      ["QN_HOME", "Where everything of qn's is, ~/.qn unless it is set."],
      ["QN_*", "Settings, such as QN_CPUS; `qn config show --json` names the variable of each."],
      ["NO_COLOR", "Nothing has colours when it is set."],
    ]),
    ".SH FILES",
    ...partRows([
      ["~/.qn/config.yaml", "The settings of all VMs."],
      ["~/.qn/VM/config.yaml", "The settings of one VM, which win."],
      ["~/.qn/VM/docker.sock", "The socket on which the VM's Docker answers."],
    ]),
  ];
}

function partRows(rows: readonly (readonly [left: string, text: string])[]): string[] {
  return rows.flatMap(([left, text]) => [".TP", bold(left), words(text)]);
}

/** The page above and those below: of `qn` itself, all commands. */
function seeAlso(root: Root, { path, group }: Found): string {
  const above = path === "" ? [] : [pageName(root, path.split(" ").slice(0, -1).join(" "))];
  const below = shownIn(group).map((word) => pageName(root, `${path} ${word}`));
  return [...above, ...below].map((name) => `${bold(name)}(1)`).join(",\n");
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

/** Text with what stands in backticks in bold. */
function words(text: string): string {
  return escaped(text).replaceAll(/\\\(ga(.*?)\\\(ga/g, "\\fB$1\\fR");
}

/** What groff and mandoc print otherwise than it stands, or take for a request (groff_char(7)). */
const special: Readonly<Record<string, string>> = {
  "\\": "\\(rs",
  "-": "\\-",
  "~": "\\(ti",
  "^": "\\(ha",
  "`": "\\(ga",
  "'": "\\(aq",
  '"': "\\(dq",
};

function escaped(text: string): string {
  return text
    .replaceAll(/[\\\-~^`'"]/g, (mark) => special[mark] ?? mark)
    .replaceAll(
      /[^ -~]/gu,
      (letter) => `\\[u${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
    )
    .replace(/^\./, "\\&.");
}
