/**
 * Copies a file or a folder between this machine and a VM: an archive through ssh, unpacked aside, put in place at
 * once.
 */
import { quoted } from "../../base/shell.ts";
import { randomBytes } from "node:crypto";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { pass, startStreaming, type Streaming } from "../../system/net/streaming.ts";
import { shareMaster, unsharedWords } from "../integrate/ssh-master.ts";
import type { VmPaths } from "../layout.ts";
import { type Arrival, settle, targetOf, wordsOf } from "./arrival.ts";
import { cross } from "./crossing.ts";
import { makeStagingFolder, tame } from "./staging-folder.ts";
import { receiveScript, sendScript } from "./guest-scripts.ts";
import { meansContents, nameOf, type Operand } from "./operand.ts";
import { complaint, readReason, refusal } from "./copy-errors.ts";

/** What to copy. `from` and `to` lie on different sides; `paths` are those of the VM. */
export type CopyOptions = {
  readonly from: Operand;
  readonly to: Operand;
  readonly paths: VmPaths;
  /** Calls the copy off: nothing is left of it then. */
  readonly signal: AbortSignal;
  /** Bytes that have gone over, and how many there are in all when that is known. */
  readonly onProgress: (bytes: number, total: number | undefined) => void;
};

/**
 * Copies. Throws COPY_FAILED when not everything was copied, TOOL_MISSING without tar or ssh, INTERRUPTED when called
 * off. Whatever of the source could be read is at its place then, or nothing is, as the message says.
 */
export async function copy(options: CopyOptions): Promise<void> {
  try {
    await (options.from.at === "host" ? upload(options) : download(options));
  } catch (error) {
    if (!options.signal.aborted) throw error;
    throw new QnError("INTERRUPTED", "The copy was called off.", { cause: error });
  }
}

// --- internal ---

/**
 * How this system's tar keeps to what both sides know: GNU tar writes holes, a Mac's leaves its own attributes out. Its
 * locale has names in UTF-8 and messages in English, which say when a disk is full.
 */
const tarOf = {
  linux: { flags: ["--sparse"], env: { LC_ALL: "C.UTF-8" } },
  darwin: { flags: ["--no-xattrs", "--no-mac-metadata"], env: { LC_ALL: "en_US.UTF-8", COPYFILE_DISABLE: "1" } },
} as const;
const { flags: tarFlags, env: tarEnv } = process.platform === "darwin" ? tarOf.darwin : tarOf.linux;

async function upload({ from, to, paths, signal, onProgress }: CopyOptions): Promise<void> {
  const source = await sourceOf(from, to);
  // An archive that was cut has no last entry; tar itself does not see every cut. The entry is an archive of its own.
  const last = `.qn-end.${randomBytes(6).toString("hex")}`;
  const end = await new Bun.Archive({ [last]: "" }).bytes();
  const contents = meansContents(from.path) ? "contents" : "";
  const words = [to.path, source.kind, source.entry, source.name, contents, last];
  const ssh = await startSsh(paths, to, receiveScript, words);
  const flags = [...tarFlags, "--format=pax", "--exclude=.qn-cp.*"];
  const tar = startStreaming(["tar", ...flags, "-C", source.parent, "-cf", "-", `./${source.entry}`], { env: tarEnv });
  using _both = endedBy(signal, [ssh, tar]);
  await pass(followedBy(tar, end), ssh, progress(source.sizeBytes, onProgress));
  const [said, failed] = [await ssh.said, await ssh.exited];
  if (failed !== 0) tar.kill();
  const [tarSaid, tarFailed] = [await tar.said, await tar.exited];
  if (signal.aborted) throw interrupted();
  if (failed !== 0) throw guestError(said, from, to);
  if (tarFailed !== 0) throw complaint(readReason(tarSaid).said, from, to, true);
}

async function download({ from, to, paths, signal, onProgress }: CopyOptions): Promise<void> {
  const ssh = await startSsh(paths, from, sendScript, [from.path]);
  using _ssh = endedBy(signal, [ssh]);
  const chunks = ssh.out[Symbol.asyncIterator]();
  const head = await readHead(chunks);
  if (head === undefined) throw guestError(await ssh.said, from, to);
  const path = resolve(to.path) + (/.\/\.?$/.test(to.path) ? "/" : "");
  const arrival: Arrival = { kind: head.kind, name: nameOf(from.path), contents: meansContents(from.path) };
  const target = await targetOf(path, arrival);
  if (typeof target === "string") {
    ssh.kill();
    throw refusal(target, from, to);
  }
  await using staging = await makeStagingFolder(target.final, paths.folder).catch((error: unknown) => {
    ssh.kill();
    throw refusal("not-writable", from, to, [messageOf(error)]);
  });
  // What a guest made gets no set-user-id bits here, and no more rights than the user's mask gives to what is new.
  const command = ["tar", "-C", staging.folder, "--no-same-owner", "--no-same-permissions", "-xf", "-"];
  const tar = startStreaming(command, { env: tarEnv });
  using _tar = endedBy(signal, [tar]);
  const count = progress(head.kind === "file" ? head.sizeBytes : undefined, onProgress);
  const stream = { hasEnded: false };
  await pass(following(head.rest, chunks, stream), tar, count);
  const [tarSaid, tarFailed] = [await tar.said, await tar.exited];
  if (!stream.hasEnded) ssh.kill();
  const [said, failed] = [await ssh.said, await ssh.exited];
  if (signal.aborted) throw interrupted();
  // An archive that the guest has cut is the guest's failure.
  const isCut = stream.hasEnded && failed > partial;
  if (tarFailed !== 0 && !isCut) throw complaint(readReason(tarSaid).said, from, to, false);
  if (failed > partial || (await readdir(staging.folder)).length === 0) throw guestError(said, from, to);
  const tamed = await tame(staging, head.kind, target.final);
  if (tamed === undefined) throw refusal("unannounced", from, to);
  await using near = staging.isElsewhere
    ? await cross(tamed.arrived, target.final, signal).catch((error: unknown) => {
        throw complaint([wordsOf(error)], from, to, false);
      })
    : undefined;
  const { arrived } = near ?? tamed;
  const problems = [...tamed.problems, ...(await settle(arrived, target.final))];
  if (failed !== 0) problems.push(...readReason(said).said);
  if (problems.length > 0) throw complaint(problems, from, to, true);
}

/**
 * The highest exit status of a tar that could not read some of the source, and has sent the rest (GNU tar's manual).
 */
const partial = 2;

/** The source on this machine: a link that is named is followed, one that leads nowhere is copied as it is. */
async function sourceOf(from: Operand, to: Operand) {
  const link = await lstat(from.path).catch(() => undefined);
  if (link === undefined) throw refusal("no-source", from, to);
  const facts = await stat(from.path).catch(() => link);
  const path = facts === link && link.isSymbolicLink() ? resolve(from.path) : await realpath(from.path);
  if (!facts.isDirectory() && !facts.isFile() && !facts.isSymbolicLink()) throw refusal("special", from, to);
  const entry = basename(path);
  if (entry === "") throw new QnError("USAGE", "The whole file system of this machine cannot be copied.");
  return {
    kind: facts.isDirectory() ? "folder" : "file",
    parent: dirname(path),
    entry,
    name: nameOf(from.path) ?? entry,
    sizeBytes: facts.isFile() ? facts.size : undefined,
  };
}

/**
 * What a tar says, and the last entry unless it has failed altogether: one that could not read some has sent the rest.
 */
async function* followedBy(tar: Streaming, end: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* tar.out;
  if ((await tar.exited) <= partial) yield end;
}

async function startSsh(
  paths: VmPaths,
  operand: Operand,
  script: string,
  words: readonly string[],
): Promise<Streaming> {
  const user = operand.at === "guest" ? operand.user : undefined;
  const shared = user === undefined ? await shareMaster(paths, "user") : undefined;
  const options = shared?.words ?? [...unsharedWords, "-l", user ?? ""];
  const remote = ["exec", "sh", "-c", quoted(script), "qn-cp", ...words.map(quoted)].join(" ");
  const command = ["ssh", "-F", paths.sshConfig, "-T", ...options, `qn-${paths.name}`, remote];
  const ssh = startStreaming(command, { cwd: "/" });
  void ssh.exited.then(() => shared?.[Symbol.dispose]());
  return ssh;
}

/** The line before the archive, whatever a shell's start-up files have printed before it. Nothing when none comes. */
async function readHead(chunks: AsyncIterator<Uint8Array>) {
  let seen: Buffer = Buffer.alloc(0);
  while (seen.length < 65_536) {
    const { value, done } = await chunks.next();
    if (done === true) return undefined;
    seen = Buffer.concat([seen, value]);
    const line = /qn-cp (file|folder) (\d{1,15})\n/.exec(seen.toString("latin1"));
    if (line === null) continue;
    const [whole, kind, size] = line;
    return {
      kind: kind === "folder" ? ("folder" as const) : ("file" as const),
      sizeBytes: Number(size),
      rest: seen.subarray(line.index + whole.length),
    };
  }
  return undefined;
}

async function* following(
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
  stream: { hasEnded: boolean },
): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (;;) {
    const { value, done } = await chunks.next();
    if (done === true) return void (stream.hasEnded = true);
    yield value;
  }
}

/** Counts what passes; an archive is a little more than what is in it. */
function progress(total: number | undefined, tell: CopyOptions["onProgress"]): (count: number) => void {
  let bytes = 0;
  return (count) => {
    bytes += count;
    tell(total === undefined ? bytes : Math.min(bytes, total), total);
  };
}

function guestError(said: string, from: Operand, to: Operand): QnError {
  const { reason, said: details } = readReason(said);
  return reason === undefined ? complaint(details, from, to, false) : refusal(reason, from, to, details);
}

/** Ends programs when `signal` fires, for as long as they are needed. */
function endedBy(signal: AbortSignal, programs: readonly Streaming[]): Disposable {
  const end = (): void => {
    for (const program of programs) program.kill();
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", end) };
}

function interrupted(): QnError {
  return new QnError("INTERRUPTED", "The copy was called off.");
}
