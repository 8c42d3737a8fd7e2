/** What a release is made of: the commit, its time, and what speaks against making one of this tree. */
import { succeed } from "../succeed.ts";

/** A checkout. `changes` are the lines in which git names what is not committed. */
export type SourceState = {
  readonly commit: string;
  /** The commit's time, in seconds since 1970. */
  readonly committedS: number;
  readonly changes: readonly string[];
};

/** Looks at the checkout at `root`. Throws with git's words when it is none. */
export async function sourceState(root: string): Promise<SourceState> {
  const [commit = "", committed = ""] = (await succeed(["git", "show", "-s", "--format=%H %ct"], { cwd: root })).split(
    " ",
  );
  const status = await succeed(["git", "status", "--porcelain"], { cwd: root });
  return { commit, committedS: Number(committed), changes: status.split("\n").filter((line) => line !== "") };
}

/**
 * The time of everything in a release, in seconds since 1970: what SOURCE_DATE_EPOCH says
 * (reproducible-builds.org/specs/source-date-epoch), or else the commit's. Throws when it says no such time.
 */
export function releaseTimeS({ committedS }: Pick<SourceState, "committedS">, env: NodeJS.ProcessEnv): number {
  const text = env["SOURCE_DATE_EPOCH"] ?? "";
  if (text === "") return committedS;
  // A tar of the usual form has eleven octal digits for it.
  if (/^\d{1,10}$/.test(text) && Number(text) > 0 && Number(text) < 8 ** 11) return Number(text);
  throw new Error(`SOURCE_DATE_EPOCH is "${text}", which is no number of seconds since 1970.`);
}
