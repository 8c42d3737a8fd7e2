/** Archives that chance makes up, of every kind of entry, copied over one another: nothing outside of their place changes. */
import { expect } from "bun:test";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Chance, testWithChance } from "../../../support/chance.ts";
import { asides, hostileGuest, send, tree } from "../../../support/hostile-copy.ts";
import type { RawEntry } from "../../../support/raw-tar.ts";

const kinds = ["file", "hardlink", "link", "characters", "blocks", "folder", "fifo"] as const;
const modes = [0o755, 0o700, 0o644, 0o4755, 0o6777, 0o7777] as const;

/** Names in the place and out of it. */
const names = ["x", "x/a", "x/a/b", "x/way", "y", "in/own", "../mine", "x/../../host/mine"];

/** Where links lead, from where the archive is unpacked and from where it arrives. */
function targets(host: string): string[] {
  const near = ["a", "..", "x/a", "../own", "../mine", "../secret", "../../mine", "../../secret", "../../secret/keys"];
  const far = ["../../../host", "../../host/mine", "../../../host/secret", `${host}/secret`, `${host}/mine`];
  return [...near, ...far];
}

/** What was announced, or not, and behind it links, what goes through them, and whatever else there is. */
function archive(chance: Chance, kind: string, host: string): RawEntry[] {
  const one = (name: string, type = chance.pick(kinds)): RawEntry => ({
    name: type === "folder" ? `${name}/` : name,
    type,
    mode: type === "folder" ? chance.pick([0o755, 0o7777]) : chance.pick(modes),
    ...(type === "link" || type === "hardlink" ? { link: chance.pick(targets(host)) } : {}),
    ...(type === "file" ? { text: "new" } : {}),
  });
  const through = (): RawEntry => one(chance.pick(["x/way/keys", "x/way/mine"]), "file");
  const moves = [
    () => [one("x/way", "link")],
    () => [one("x/way", "link"), through()],
    () => [one("x/way", "folder"), through()],
    () => [one(chance.pick(names))],
  ];
  const announced = chance.below(8) === 0 ? [] : [one("x", kind === "file" ? "file" : "folder")];
  return [...announced, ...Array.from({ length: chance.below(4) }, () => chance.pick(moves)()).flat()];
}

testWithChance(
  "archives of chance, three over one another, change nothing but their place, and leave nothing there that acts",
  async (chance) => {
    let arrived = 0;
    for (let round = 0; round < 40; round += 1) {
      const kind = chance.pick(["file", "folder", "folder"]);
      await using sides = await hostileGuest(kind, []);
      await mkdir(join(sides.host, "secret"));
      await writeFile(join(sides.host, "secret/keys"), "keys", { mode: 0o600 });
      await writeFile(join(sides.host, "in/own"), "own", { mode: 0o644 });
      const outside = async (): Promise<string[]> =>
        (await tree(sides.host)).filter((line) => !/^in\/x[ /]/.test(line));
      const before = await outside();
      const sent: RawEntry[][] = [];
      for (let time = 0; time < 3; time += 1) {
        const entries = archive(chance, kind, sides.host);
        sent.push(entries);
        await send(sides, entries);
        const [outcome] = await Promise.allSettled([sides.cp(":x", chance.pick(["in", "in/x"]))]);
        if (outcome.status === "fulfilled") arrived += 1;
        expect({ sent, is: await outside() }).toEqual({ sent, is: before });
        const inPlace = (await tree(sides.host)).filter((line) => !before.includes(line));
        const acting = inPlace.filter((line) => /^\S+\?|^\S+ [2-7]\d{3}\b/.test(line));
        const files = await Promise.all(["mine", "secret/keys", "in/own"].map((name) => stat(join(sides.host, name))));
        expect({ sent, acting, names: files.map(({ nlink }) => nlink) }).toEqual({
          sent,
          acting: [],
          names: [1, 1, 1],
        });
      }
      expect(await asides(sides)).toEqual([]);
    }
    // Else nothing was shown of what comes over something.
    expect(arrived).toBeGreaterThan(10);
  },
  120_000,
);
