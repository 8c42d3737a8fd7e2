/** The rules of the house as functions: a file in, its problems out. test/tidy.test.ts holds the whole tree to them. */
import { posix } from "node:path";
import { importsOf, roomIn } from "./import-graph.ts";

/** A file of the repository; `path` is relative to its root. */
export type SourceFile = { readonly path: string; readonly text: string };

/** A rule: which files it is about, and what is wrong with one of them (nothing, when it is kept). */
export type Rule = { readonly about: RegExp; problems(file: SourceFile): string[] };

/** Which rooms a room may import from, itself aside. `main` is the entry, src/main.ts. */
const mayImport: Record<string, readonly string[]> = {
  main: ["cli"],
  cli: ["host", "agent", "protocol", "system", "base"],
  host: ["protocol", "system", "base"],
  agent: ["protocol", "system", "base"],
  protocol: ["base"],
  system: ["base"],
  base: [],
};

/**
 * The rooms inside the large parts of the house, the lowest first: each may import from those before it. A file beside
 * the rooms is a room of its own.
 */
const roomsInOrder: Readonly<Record<string, readonly string[]>> = {
  "src/cli": [
    "version",
    "self",
    "vm-here",
    "command",
    "tree",
    "help-parts",
    "help",
    "statuses",
    "man",
    "json-outputs",
    "terminal",
    "completion",
    "commands",
    "boundary",
  ],
  "src/host":
    "layout config qmp changes gate virtiofs qemu image upgrade vm snapshot ports names integrate cp supervisor lifecycle throwaway nixos doctor".split(
      " ",
    ),
  "src/agent": ["setup", "docker", "link", "names", "files", "changes", "ports", "memory", "sleep", "main"],
};

/** Nouns describe and decide; they touch nothing. */
const nouns =
  "(?:[a-z]+-)?plan|args|schema|platforms|option|devices|facts|firmware|layout|manifest|qcow2|machine|outcomes|unused|messages|frame|wire|published|requested-ports|guest-files|guest-folders|words|copy-errors|candidates|phrases|errors";

const effects: readonly RegExp[] = [
  /from "node:(?!path"|url")[^"]*"/,
  /from "bun(:[^"]*)?"/,
  /from "[^"]*\/system\/[^"]*"/,
  /\bBun\./,
  /\bprocess\./,
  /\bDate\.now\b|\bnew Date\(\)/,
  /\bperformance\.now\b/,
  /\bset(Timeout|Interval|Immediate)\(/,
  /\bfetch\(/,
  /\bMath\.random\b/,
];

/** Words that stood for eight things at once: what is at a place has a noun of its own. */
const vagueNames = [/\b\w*Places?\b/, /\bplace(Of|Text|Words)\b/];

/** Names of files that nobody finds who looks for what is in them, and those that several rooms had at once. */
const vagueFiles =
  "aside|asked|book|guest|held|inherited|known|mark|mask|own|pins|place|plan|request|serve|taken|tell|well";

/** What is shared and no folder of the host: ssh's connection, an image, blocks of a disk. */
const otherSharing = /shared connections?|VMs (may )?share one|blocks that several of them share|share blocks/gi;

/** What users read: messages, and the pages that are for them. */
const userText =
  /^(src\/.*\.ts|(README|CHANGELOG|SECURITY|docs\/(guides\/.*|fix-it|glossary|compared|clients|environment|errors|config|commands|differences|files|json|nix|nix-options|releases))\.md)$/;

/** Words that only those know who work on qn, some of which mean something else to everybody. */
const houseWords = /\b(seams?|lanes?|doorbells?|doors?|gates?|rooms?|slirp|nudges?)\b/i;

/** The only places that may import a library; one that is not here needs a reason and a line. */
const owners: Record<string, readonly string[]> = {
  "@valibot/to-json-schema": ["src/host/config/editor-schema.ts"],
  yaml: ["src/host/config/document.ts"],
  citty: ["src/cli/"],
  consola: ["src/cli/"],
  "consola/utils": ["src/cli/"],
  dockerode: ["src/system/docker.ts"],
  ofetch: ["src/system/docker-api.ts", "src/system/download.ts"],
  valibot: ["src/"],
};

/** Every rule, by the sentence that a failing test shows. */
export const rules: Readonly<Record<string, Rule>> = {
  "rooms import one way": { about: /^src\/.*\.ts$/, problems: strangers },
  "rooms inside a part import one way": { about: /^src\/(cli|host|agent)\/.*\.ts$/, problems: upwards },
  "nouns touch nothing": {
    about: new RegExp(`^src/.*/(${nouns})\\.ts$`),
    problems: (file) => matches(codeOf(file.text), effects),
  },
  "a library has one owner": { about: /^src\/.*\.ts$/, problems: foreignLibraries },
  // dockerode and ofetch: Docker's API (docs/decisions.md#d4), and downloads (docs/decisions.md#d118).
  "HTTP is asked through two doors": {
    about: /^src\/.*\.ts$/,
    // A server's handler is called fetch, too.
    problems: ({ text }) =>
      matches(codeOf(text), [/\bfetch\((?!request, server\) \{)/, /from "node:https?"/, /HTTP\/1\.[01]/, /"curl"/]),
  },
  "relative imports name the file": {
    about: /^(src|test(?!\/tidy)|scripts)\/.*\.ts$/,
    problems: ({ text }) =>
      importsOf(text).filter((target) => /^\.(?!.*\/guest\/)/.test(target) && !/\.[a-z0-9]+$/.test(target)),
  },
  "a name says what it names": {
    about: /^src\/.*\.ts$/,
    problems: ({ path, text }) => [...vagueFileNames(path), ...matches(codeOf(text), vagueNames)],
  },
  "people read of mounts, never of shares": {
    about:
      /^(src\/.*\.ts|(README|CHANGELOG|docs\/(guides\/.*|[^/]*(?<!decisions|architecture|benchmarks|changes|guest)))\.md)$/,
    problems: ({ path, text }) =>
      (path.endsWith(".ts") ? sentencesOf(text) : text.split("\n")).filter((line) =>
        /(?<![/.])\bshar(e|es|ed|ing)\b(?!\/)/i.test(line.replaceAll(otherSharing, "")),
      ),
  },
  "people read no word of the house": {
    about: userText,
    problems: ({ path, text }) =>
      (path.endsWith(".ts") ? sentencesOf(text) : text.split("\n")).filter((line) =>
        // What the two sides of the link say to each other is nobody's to read.
        houseWords.test(line.replaceAll("qn gate 1", "")),
      ),
  },
  "only the clock waits for time": {
    about: /^src\/(?!system\/clock\.ts$).*\.ts$/,
    problems: ({ text }) =>
      matches(codeOf(text), [/\bBun\.sleep(Sync)?\(/, /\bset(Timeout|Interval)\(/, /timers\/promises/]),
  },
  // A write that fails there ends the process where nobody hears of it.
  "what is said goes by doors that hear of failures": {
    about: /^src\/(?!system\/standard-error\.ts$|cli\/terminal\/output\.ts$).*\.ts$/,
    problems: ({ text }) => matches(codeOf(text), [/\bstd(out|err)\.write\(/]),
  },
  // Bun's collector takes away what is known by its address alone, and moves small arrays: both silently.
  "one module takes addresses of memory": {
    about: /^(src|scripts)\/(?!system\/kernel\/memory\.ts$).*\.ts$/,
    problems: ({ text }) =>
      matches(codeOf(text), [
        /\btoArrayBuffer\b|\btoBuffer\b/,
        /(?<!\bread\.)\bptr\(/,
        /import \{[^}]*\bptr\b[^}]*\} from "bun:ffi"/,
      ]),
  },
  "the host makes nothing in a folder that guests see": {
    about: /^src\/(host|cli)\/.*\.ts$/,
    problems: ({ text }) =>
      matches(codeOf(text), [/\btmpdir\b/, /\bTMPDIR\b/, /\b(mkdtemp|mkdir|writeFile|open)\w*\(["'`]\/tmp\b/]),
  },
  "a file has at most 300 lines": {
    about: /\.ts$/,
    problems: ({ text }) =>
      text.trimEnd().split("\n").length > 300 ? [`${text.trimEnd().split("\n").length} lines`] : [],
  },
  // The formatter wraps code, and leaves comments as they are.
  "a comment fits into 120 columns": {
    about: /^src\/.*\.ts$/,
    problems: ({ text }) => text.split("\n").filter((line) => /^\s*(\/\/|\/?\*)/.test(line) && line.length > 120),
  },
  "a file starts by saying what it is for": {
    about: /^(src|test|scripts)\/.*\.ts$/,
    problems: ({ text }) => (/^(#!.*\n)?\/\*\*\s+\S/.test(text) ? [] : [text.split("\n")[0] ?? ""]),
  },
  "an exported function says what it does": { about: /^(src|scripts|test\/support)\/.*\.ts$/, problems: undocumented },
  "nothing is left to do": {
    about: /./,
    problems: ({ text }) => matches(text, [/\b(TO[D]O|FIX[M]E|X[X]X)\b/]),
  },
  "no path of one machine": {
    about: /./,
    problems: ({ text }) => matches(text, [/\/wor[k]\//]),
  },
};

/** Names of tests that stand in more than one place: a failing one must be findable by its name. */
export function repeatedTestNames(files: readonly SourceFile[]): string[] {
  const names = files.flatMap(({ text }) =>
    [...text.matchAll(/^\s*(?:test|it)(?:\.\w+(?:\([^)]*\))?)*\(\s*"([^"]+)"/gm)].map(([, name = ""]) => name),
  );
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

// --- internal ---

function strangers({ path, text }: SourceFile): string[] {
  const room = roomOf(path);
  const known = mayImport[room];
  if (known === undefined) return [`src/${room} is not a room of the house`];
  return importsOf(text)
    .filter((target) => target.startsWith("."))
    .map((target) => posix.join(posix.dirname(path), target))
    .filter((target) => target.startsWith("src/") && roomOf(target) !== room && !known.includes(roomOf(target)));
}

function upwards({ path, text }: SourceFile): string[] {
  const [part = "", order = []] = Object.entries(roomsInOrder).find(([folder]) => path.startsWith(`${folder}/`)) ?? [];
  const from = order.indexOf(roomIn(part, path) ?? "");
  if (from < 0) return [`${path} is in no room of ${part}`];
  return importsOf(text)
    .filter((target) => target.startsWith("."))
    .map((target) => posix.join(posix.dirname(path), target))
    .filter((target) => order.indexOf(roomIn(part, target) ?? "") > from);
}

function roomOf(path: string): string {
  return path === "src/main.ts" ? "main" : (path.split("/")[1] ?? "");
}

function vagueFileNames(path: string): string[] {
  return new RegExp(`/(${vagueFiles})\\.ts$`).test(path) ? [path] : [];
}

function foreignLibraries({ path, text }: SourceFile): string[] {
  return importsOf(text)
    .filter((target) => !/^(\.|node:|bun$|bun:)/.test(target))
    .filter((target) => owners[target]?.some((owner) => path.startsWith(owner)) !== true);
}

function undocumented({ text }: SourceFile): string[] {
  const lines = text.split("\n");
  return lines.filter((line, index) => {
    const isFunction = /^export (async )?function\b|^export const \w+ = (async )?(<.*>)?\((.*=>.*)?$/.test(line);
    return isFunction && !(lines[index - 1] ?? "").endsWith("*/");
  });
}

function matches(text: string, patterns: readonly RegExp[]): string[] {
  return text.split("\n").filter((line) => patterns.some((pattern) => pattern.test(line)));
}

/**
 * The texts of code that are more than one word, or counted: what a person may come to read. Values in them are left
 * out.
 */
function sentencesOf(text: string): string[] {
  const literal = /(counted\([^"]*)?("(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)/g;
  const found = codeOf(text)
    .split("\n")
    .flatMap((line) => [...line.matchAll(literal)]);
  return found
    .filter(([, counts, words = ""]) => counts !== undefined || words.includes(" "))
    .map(([, , words = ""]) => words.replaceAll(/\$\{[^}]*\}/g, ""));
}

/** The text without comments, which may name what the code must not do. Line numbers stay. */
function codeOf(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ""))
    .replaceAll(/(^|\s)\/\/.*$/gm, "");
}
