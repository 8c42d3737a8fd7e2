/** Packs what a person who looks for a fault needs into one file: never a key, a credential or a boot's record. */
import { chmod, mkdir, mkdtemp, open, rm, stat, writeFile } from "node:fs/promises";
import { arch, homedir, hostname, release, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { isThere, readTextIfThere } from "../../system/files.ts";
import { ownUser } from "../../system/platform.ts";
import { run } from "../../system/process.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { statusOfVm } from "../lifecycle/status.ts";
import { effectiveConfig, type Environment } from "../prepare.ts";
import { readBootRecord } from "../supervisor/boot.ts";
import { examine } from "./checks.ts";
import { type Private, redact } from "./redact.ts";

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

/** How much of each log: the end is what counts. */
const logBytesMax = 1024 ** 2;

/**
 * Writes the archive, readable by its owner only, and gives back the names of what is in it. A VM that is not there, or
 * does not answer, is told about in its place. Throws HOME_UNUSABLE when the archive cannot be written.
 */
export async function packReport(options: ReportOptions): Promise<readonly string[]> {
  const { output } = options;
  if (await isThere(output)) throw new QnError("USAGE", `${output} is there already.`);
  const scratch = await mkdtemp(join(tmpdir(), "qn-report-"));
  const name = basename(output).replace(/(\.tar)?\.[^.]*$/, "");
  try {
    await mkdir(join(scratch, "in", name), { recursive: true });
    const known = await privateThings(options);
    const texts = await collect(options);
    for (const [file, text] of Object.entries(texts)) {
      await writeFile(join(scratch, "in", name, file), redact(text, known), { mode: 0o600 });
    }
    const archive = join(scratch, "packed");
    const packed = await run(["tar", "-C", join(scratch, "in"), "-czf", archive, name]);
    if (packed.exitCode !== 0) throw new Error(packed.stderr.trim());
    await chmod(archive, 0o600);
    await writeFile(output, await Bun.file(archive).bytes(), { mode: 0o600, flag: "wx" });
    return Object.keys(texts);
  } catch (cause) {
    if (cause instanceof QnError) throw cause;
    const hint = "Name another file with --output.";
    throw new QnError("HOME_UNUSABLE", `${output} cannot be written: ${messageOf(cause)}.`, { cause, hint });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
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
    homeFolder: env["HOME"] ?? homedir(),
    userName: ownUser().name,
    hostName: hostname(),
    secrets: [...(boot === undefined ? [] : [boot.secret]), ...(await commandLines({ paths, env }))],
    keepNames,
  };
}

/** By file name, every text of the report: a list of what may go out, never a folder's whole content. */
async function collect(options: ReportOptions): Promise<Record<string, string>> {
  const { layout, paths, env, nowMs } = options;
  const logs = await Promise.all(
    Object.entries(paths.logs).map(async ([source, path]) => [`${source}.log`, await tail(path)] as const),
  );
  const told: readonly (readonly [string, string | undefined])[] = [
    ["versions.json", asJson(versions(options))],
    ["doctor.json", asJson(await examine({ layout, env, nowMs }))],
    ["status.json", await attempt(async () => asJson(await statusOfVm(paths, env)))],
    ["config.yaml", await readTextIfThere(paths.config)],
    ["last-failure.json", await readTextIfThere(paths.lastFailure)],
    ...logs,
  ];
  return Object.fromEntries(told.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function versions({ version, env, nowMs }: ReportOptions): object {
  const own = Object.entries(env).filter(([name]) => /^(QN_(?!PROVISION$)|DOCKER_)/.test(name));
  return {
    qn: version,
    bun: Bun.version,
    system: `${process.platform} ${release()} ${arch()}`,
    at: new Date(nowMs).toISOString(),
    environment: Object.fromEntries(own),
  };
}

async function attempt(text: () => Promise<string>): Promise<string> {
  try {
    return await text();
  } catch (error) {
    return asJson({ error: messageOf(error) });
  }
}

/** The end of a log, from the first whole line on; nothing when there is no such log. */
async function tail(path: string): Promise<string | undefined> {
  if (!(await isThere(path))) return undefined;
  const { size } = await stat(path);
  const start = Math.max(0, size - logBytesMax);
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const text = buffer.subarray(0, bytesRead).toString();
    return start === 0 ? text : text.slice(text.indexOf("\n") + 1);
  } finally {
    await file.close();
  }
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
