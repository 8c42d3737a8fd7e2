/** Packs what a person who looks for a fault needs into one file: never a key, a credential or a boot's record. */
import { arch, hostname, release } from "node:os";
import { basename } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import { readPlainEnd, writeNewFile } from "../../system/files.ts";
import { ownUser } from "../../system/own-user.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { statusOfVm } from "../lifecycle/status.ts";
import { effectiveConfig, type Environment } from "../vm/settings.ts";
import { readBootRecord } from "../supervisor/boot/boot.ts";
import { examine, type Finding } from "./checks.ts";
import { settingsForReport, variablesForReport } from "./own-settings.ts";
import { type Private, redact, redactAll } from "./redact.ts";
import { ownHome } from "../../system/platform.ts";

/** What to pack, and where to. */
export type ReportOptions = {
  readonly layout: Layout;
  readonly paths: VmPaths;
  readonly env: Environment;
  readonly version: string;
  /** The archive's path; it must not be there. */
  readonly output: string;
  readonly keepNames: boolean;
  readonly nowMs: number;
};

/** `versions.json` of a report: what it was made by, and the variables that qn and Docker read. */
export type ReportVersions = {
  readonly qn: string;
  readonly bun: string;
  readonly system: string;
  readonly at: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** How much of each log: the end is what counts. */
const logBytesMax = 1024 ** 2;

/**
 * Writes the archive, readable by its owner only, and gives back the names of what is in it. A VM that is not there, or
 * does not answer, is told about in its place, and so is a log that is no file. The archive is made in memory, and its
 * file anew: it may lie in a folder that a guest sees and plants links in. Throws USAGE when something is there already
 * and HOME_UNUSABLE when it cannot be written.
 */
export async function packReport(options: ReportOptions): Promise<readonly string[]> {
  const { output } = options;
  const name = basename(output).replace(/(\.tar)?\.[^.]*$/, "");
  const known = await privateThings(options);
  const parts = Object.entries(await collect(options));
  const entries = parts.map(([file, part]) => [`${name}/${file}`, textOf(part, known)] as const);
  const archive = new Bun.Archive(Object.fromEntries(entries), { compress: "gzip" });
  try {
    await writeNewFile(output, await archive.bytes());
  } catch (cause) {
    if (isErrno(cause, "EEXIST")) throw new QnError("USAGE", `${output} is there already.`, { cause });
    const hint = "Name another file with --output.";
    throw new QnError("HOME_UNUSABLE", `${output} cannot be written: ${messageOf(cause)}.`, { cause, hint });
  }
  return parts.map(([file]) => file);
}

// --- internal ---

/** Commands for the guest may hold passwords, in any form: none of their lines goes out. */
async function commandLines({ paths, env }: Pick<ReportOptions, "paths" | "env">): Promise<readonly string[]> {
  const loaded = await effectiveConfig(paths, env).catch(() => undefined);
  return (loaded?.config.provision ?? []).flatMap(({ run }) => run.split("\n").map((line) => line.trim()));
}

async function privateThings({ paths, env, keepNames }: ReportOptions): Promise<Private> {
  const boot = await readBootRecord(paths).catch(() => undefined);
  return {
    homeFolder: env["HOME"] ?? ownHome(),
    userName: ownUser().name,
    hostName: hostname(),
    secrets: [...(boot === undefined ? [] : [boot.secret]), ...(await commandLines({ paths, env }))],
    keepNames,
  };
}

/** A log, or what is told in JSON. */
type Part = string | { readonly [name: string]: unknown } | readonly unknown[];

function textOf(part: Part, known: Private): string {
  return typeof part === "string" ? redact(part, known) : `${JSON.stringify(redactAll(part, known), undefined, 2)}\n`;
}

/** By file name, every part of the report: a list of what may go out, never a folder's whole content. */
async function collect(options: ReportOptions): Promise<Record<string, Part>> {
  const { layout, paths, env, nowMs } = options;
  const logs = await Promise.all(
    Object.entries(paths.logs).map(async ([source, path]) => [`${source}.log`, await tail(path)] as const),
  );
  const told: readonly (readonly [string, Part | undefined])[] = [
    ["versions.json", versions(options)],
    ["doctor.json", (await examine({ layout, env, nowMs })).map(withoutValues)],
    ["status.json", await attempt(() => statusOfVm(paths, env))],
    ["settings.json", await settings(options)],
    ["last-failure.json", await tail(paths.lastFailure)],
    ...logs,
  ];
  return Object.fromEntries(told.filter((entry): entry is [string, Part] => entry[1] !== undefined));
}

/** What is wrong with a setting shows its value, or a line of its file, which may be a secret. */
function withoutValues(finding: Finding): Finding {
  return finding.check === "settings" && finding.level !== "ok" ? { ...finding, text: "CONFIG_INVALID" } : finding;
}

function versions({ version, env, nowMs }: ReportOptions): ReportVersions {
  return {
    qn: version,
    bun: Bun.version,
    system: `${process.platform} ${release()} ${arch()}`,
    at: new Date(nowMs).toISOString(),
    environment: variablesForReport(env),
  };
}

/** As they are in effect. What is wrong with a file is not told: a message about it may show a line of it. */
async function settings({ paths, env }: ReportOptions): Promise<Part> {
  try {
    return settingsForReport((await effectiveConfig(paths, env)).config);
  } catch (error) {
    return { error: error instanceof QnError ? error.code : "BUG" };
  }
}

async function attempt(part: () => Promise<Part>): Promise<Part> {
  try {
    return await part();
  } catch (error) {
    return { error: error instanceof QnError && error.code === "CONFIG_INVALID" ? error.code : messageOf(error) };
  }
}

/** The end of a file of qn's own, from the first whole line on; nothing when it is not there. */
async function tail(path: string): Promise<string | undefined> {
  try {
    const end = await readPlainEnd(path, logBytesMax);
    if (end === undefined) return undefined;
    const text = end.bytes.toString();
    return end.isWhole ? text : text.slice(text.indexOf("\n") + 1);
  } catch (error) {
    return `This was left out: ${messageOf(error)}.\n`;
  }
}
