/** What the commands that change settings share: which file is meant, and from when on a change counts. */
import { QnError } from "../../../base/errors.ts";
import { byteSize, counted } from "../../../base/words.ts";
import { type Accept, changeFile } from "../../../host/config/change.ts";
import { leafAt } from "../../../host/config/load.ts";
import { valueAt } from "../../../host/config/setting.ts";
import type { VmPaths } from "../../../host/layout.ts";
import { acceptForAll, DiskTurn } from "../../../host/lifecycle/disk-turn.ts";
import { statusOfVm } from "../../../host/lifecycle/status.ts";
import type { GrownDisk, Status } from "../../../host/supervisor/messages.ts";
import { requireVm } from "../../../host/vm/require-vm.ts";
import { effectiveConfig } from "../../../host/vm/settings.ts";
import { dataDisk } from "../../../protocol/disks.ts";
import { originWords, valueWords } from "../../terminal/setting-words.ts";
import { say, succeed, warn } from "../../terminal/show.ts";
import { qnHome, vmNamed } from "../../vm-here.ts";

/** `--all`, the same for every command about the file of a VM or that of all. */
export const allArg = { type: "boolean", description: "The settings of all VMs, below each VM's own" } as const;

/** A file of settings; `paths` are those of its VM, none for the file of all. */
export type SettingsFile = { readonly file: string; readonly paths: VmPaths | undefined };

/** The file of a VM, which may not be there yet, or the one of all. */
export function settingsFile(vm: string | undefined): SettingsFile {
  const { layout, paths } = vmNamed(vm ?? "default");
  return vm === undefined ? { file: layout.config, paths: undefined } : { file: paths.config, paths };
}

/**
 * The same, of a VM that has settings to be read or to be taken out: `default` has those of all VMs before it is there.
 * Throws NO_SUCH_VM.
 */
export async function settingsFileThere(vm: string | undefined): Promise<SettingsFile> {
  const found = settingsFile(vm);
  if (found.paths !== undefined && vm !== "default") {
    await requireVm(found.paths, `\`qn up ${vm}\` makes it; \`--all\` is for the settings of all VMs.`);
  }
  return found;
}

/** Which VM the words are about, none for all of them; the first word names it when `isName` says so. */
export function splitWords(
  words: readonly string[],
  all: boolean,
  isName: (word: string) => boolean,
): { readonly vm: string | undefined; readonly rest: readonly string[] } {
  const [first] = words;
  if (all) return { vm: undefined, rest: words };
  return first !== undefined && isName(first) ? { vm: first, rest: words.slice(1) } : { vm: "default", rest: words };
}

/** The error for a line without a setting. */
export function nothingNamed(example: string): QnError {
  return new QnError("USAGE", "No setting is named.", { hint: `As in \`qn ${example}\`.` });
}

/** Writes changes into the file of a VM, or of all, and says from when on they count. */
export async function changeSettings(
  { file, paths }: SettingsFile,
  changes: ReadonlyMap<string, unknown>,
): Promise<void> {
  using turn = diskTurn(paths);
  await turn?.begin();
  await changeFile(file, changes, acceptOf(turn));
  const grown = await turn?.finish();
  succeed(`${counted(changes.size, "setting")} written to ${file}.`);
  await sayWhen(paths, [...changes.keys()], grown === undefined);
  sayGrown(grown);
}

/** A VM's turn at its disks, which may be there before the VM is: they outlive it. None for the settings of all. */
export function diskTurn(paths: VmPaths | undefined): DiskTurn | undefined {
  return paths === undefined ? undefined : new DiskTurn(paths, process.env);
}

/** Who judges the sizes of disks in a new text: the VM's turn, or every VM for the settings of all. */
export function acceptOf(turn: DiskTurn | undefined): Accept {
  return turn?.accept ?? acceptForAll(qnHome(), process.env);
}

/**
 * Says what each setting is now, who overrides it, and when it counts; a disk that could not grow now does so at the
 * next start.
 */
export async function sayWhen(
  paths: VmPaths | undefined,
  changed: readonly string[],
  growsLater = false,
): Promise<void> {
  if (paths === undefined) return say("VMs that run get it at their next start, and a VM's own settings win.");
  const { config, origins } = await effectiveConfig(paths, process.env);
  const state = await stateOf(paths);
  const isSaved = state === "suspended" || state === "asleep";
  const restart = isSaved || state === "stopped" || state === "failed" ? "" : `: qn restart ${paths.name}`;
  let countsLater = false;
  for (const path of changed) {
    const origin = origins[path] ?? { from: "default" };
    const by = origin.from === "file" && origin.path === paths.config ? "" : ` (${originWords(origin)})`;
    const isNow = leafAt(path).effective === "now" && !(growsLater && path === "diskGiB");
    const when = isNow ? ", from now on" : `, from the next start on${restart}`;
    say(`  ${path} is ${valueWords(valueAt(config, path))}${by}${when}`);
    countsLater ||= !isNow;
  }
  if (isSaved && countsLater) warn(`The VM "${paths.name}" is ${state}${begunAnew}`);
}

/** Says of each disk that has grown in a VM that runs how far its guest is with it. */
export function sayGrown(grown: readonly GrownDisk[] = []): void {
  for (const { name, sizeBytes, isFilled, error } of grown) {
    const what = `  the ${name === dataDisk ? "data disk" : `disk "${name}"`} has ${byteSize(sizeBytes)} now`;
    if (isFilled) say(`${what}, and so has the guest`);
    else if (error === null) say(`${what}; the guest makes use of it from its next start on at the latest`);
    else warn(`${what.trim()}, but the guest cannot make use of it: ${error}`);
  }
}

// --- internal ---

/** Not each setting makes another machine of it; most do. */
const begunAnew =
  ", and goes on only as the machine that it was: with other settings it may start anew, as after a power cut. Take the change back, start it and shut it down, and change it then.";

/** A VM that does not answer may run: it is said rather once too often when a change counts. */
async function stateOf(paths: VmPaths): Promise<Status["state"] | undefined> {
  return await statusOfVm(paths, process.env).then(
    ({ state }) => state,
    () => undefined,
  );
}
