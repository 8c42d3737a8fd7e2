/** What the sections of the battery work with: a folder that is empty for each, and a line for each call. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { call, stat, type Stat } from "./posix-calls.ts";

/** The folder of the section that runs. */
export const base = join(process.argv[2] ?? "", "battery");

/** Flags of open(2) on x86_64. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DIRECT: 0o40000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  TMPFILE: 0o20200000,
  PATH: 0o10000000,
} as const;

const state = { section: "", lines: 0 };

/** Prints what a call has given. */
export const say = (name: string, ...values: unknown[]): void => {
  state.lines += 1;
  console.log(`${state.section}: ${name}: ${values.map(String).join(" ").replaceAll("\n", "\\n")}`);
};
/** A path in the section's folder. */
export const at = (name: string): string => join(base, name);
/** Writes a file; gives its path. */
export const put = (name: string, text = name): string => {
  writeFileSync(at(name), text);
  return at(name);
};
/** Opens, and gives a descriptor or -1. */
export const open = (path: string, flags: number, mode = 0o644): number => {
  const fd = call("open", path, flags, mode);
  return typeof fd === "number" ? fd : -1;
};
/** A file's content, or the error's name. */
export const readAll = (path: string): string => {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    return (error as { code: string }).code;
  }
};
/** What an open file has at a place. */
export const readFd = (fd: number, from = 0, length = 100): string => {
  const to = Buffer.alloc(length);
  const got = call("pread", fd, to, length, from);
  return typeof got === "number" ? to.toString("latin1", 0, got) : got;
};
/** Bytes. */
export const text = (value: string): Buffer => Buffer.from(value, "latin1");
/** One thing that statx(2) says. */
export const member = (path: string | number, key: keyof Stat): unknown => {
  const found = stat(path);
  return typeof found === "string" ? found : found[key];
};
/** Whether both are one file. */
export const isSame = (a: string | number, b: string | number): boolean => member(a, "inode") === member(b, "inode");

/** Runs a section in an empty folder. */
export function inSection(name: string, run: () => void): void {
  state.section = name;
  clear();
  run();
}

/** Takes the folder away, and says how many lines there were. */
export function finish(): void {
  process.chdir("/");
  rmSync(base, { recursive: true, force: true });
  console.log(`lines: ${state.lines}`);
}

// --- internal ---

function clear(): void {
  rmSync(base, { recursive: true, force: true });
  mkdirSync(base);
}
