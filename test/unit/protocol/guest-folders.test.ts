/** That host and agent go by one list: what the agent says of sharing a path is what the host does with it. */
import { expect, test } from "bun:test";
import { bindSourcesOf } from "../../../src/agent/docker/mounts.ts";
import { whyNot } from "../../../src/agent/files/bind-sources.ts";
import { cleanPath } from "../../../src/base/words.ts";
import { mountsIn } from "../../../src/cli/commands/up.ts";
import { shareMistakes } from "../../../src/host/vm/shares.ts";
import { guestFolders, peoplesFolders, standingOf } from "../../../src/protocol/guest-folders.ts";

const home = "/home/ann/.qn";
const entries = [...guestFolders, ...peoplesFolders.map(({ path }) => path)];

/** An entry of the list, and what is near it: above, below, beside, with another letter, and written in other ways. */
function relativesOf(entry: string): string[] {
  const above = entry.slice(0, entry.lastIndexOf("/"));
  return [
    entry,
    `${entry}/`,
    `${entry}/.`,
    `/${entry}`,
    `${entry}/x`,
    `${entry}/x/`,
    `${entry}/x/../y`,
    `${entry}/..`,
    `${entry}/${entry}`,
    `${entry}s`,
    `${entry}x/y`,
    `${entry}.d`,
    `${entry} x`,
    entry.slice(0, -1),
    entry.toUpperCase(),
    `${above}/other`,
    `/srv${entry}`,
    `/private${entry}`,
  ];
}

/** Every relative once. /tmp and QN_HOME, which other rules are about, are none of them. */
const paths = [...new Set(["/", "/opt", ...entries.flatMap(relativesOf)])];

/** Whether `qn up --mount` takes the path. */
function takes(path: string): boolean {
  const looks = mountsIn(["--mount", path], "/").map((share) => ({ share, real: share.path }));
  expect(looks).toHaveLength(1);
  return shareMistakes(looks, { tmp: "/tmp", home }).length === 0;
}

/** What the agent says to `docker run -v PATH:/x` where no share covers it. */
function said(path: string, isThere: boolean): string | undefined {
  const [source] = bindSourcesOf({ Binds: [`${path}:/x`] });
  if (source === undefined) throw new Error(`${path} is no bind source.`);
  return whyNot(source.path, { path: source.path, isThere }, { vm: "default", home, shares: [] });
}

test("the agent says how to share a path just when the host takes it, for each folder of the list and what is near it", () => {
  const outcomes = [true, false].flatMap((isThere) =>
    paths.flatMap((path) => {
      const sentence = said(path, isThere);
      // What the guest has itself is mounted: nothing is said of sharing.
      if (sentence === undefined) return [];
      return [{ path, isThere, offered: sentence.includes("qn up --mount "), taken: takes(path) }];
    }),
  );
  expect(outcomes.filter(({ offered, taken }) => offered !== taken)).toEqual([]);
  expect(new Set(outcomes.map(({ taken }) => taken))).toEqual(new Set([true, false]));
});

test("of what is not there, nothing but the root passes: Docker would make an empty folder in the guest", () => {
  const passing = paths.filter((path) => said(path, false) === undefined);
  expect(new Set(passing.map(cleanPath))).toEqual(new Set(["/"]));
});

test("a path that the guest's own passes for is one that a share may not hide, but the headers of its kernel", () => {
  const passing = paths.filter((path) => said(path, true) === undefined);
  expect(passing.filter(takes).filter((path) => !path.includes("/usr/src/"))).toEqual([]);
  expect(passing.filter(takes)).toContain("/usr/src/x");
});

test("a name that only begins like a folder of the list is another folder", () => {
  const standings = ["/varx", "/etcetera", "/users", "/private/var"].map((path) => standingOf(path).shareable);
  expect(new Set(standings)).toEqual(new Set(["yes"]));
  for (const path of ["/var/wwwx", "/var/www-old/x", "/usr/homes", "/run/medias", "/var/tmpx/y"]) {
    expect(standingOf(path)).toEqual({ shareable: "no", meant: "guest", own: `/${path.split("/")[1]}` });
    expect([takes(path), said(path, true)]).toEqual([false, undefined]);
  }
});

test("every folder of people's lies in one of the guest's, and in no other of theirs", () => {
  for (const { path } of peoplesFolders) {
    expect(guestFolders.filter((folder) => path.startsWith(`${folder}/`))).toHaveLength(1);
    expect(peoplesFolders.filter((other) => path.startsWith(`${other.path}/`))).toEqual([]);
  }
});
