/** The setting `flake`, and where the guest sees it. */
import { expect, test } from "bun:test";
import { flakeIn } from "../../../../src/host/config/flake.ts";
import { type LookedAt, shareMistakes, sharesOf, toldShares } from "../../../../src/host/vm/shares.ts";

const look = (path: string, real = path): LookedAt => ({ share: { path, readOnly: false }, real });
const home = look("/home/ann");

/** What QEMU serves and what the guest is told, "path folder", of a home folder and a flake; /tmp is always there. */
function seen(flake: LookedAt | undefined, looks: readonly LookedAt[] = [home]) {
  const shares = sharesOf(looks, { tmp: "/tmp", home: "/home/ann/.qn", flake });
  const pairs = (list: typeof shares): readonly string[] =>
    list.map(({ path, folder }) => `${path} ${folder}`).slice(0, -1);
  return { served: pairs(shares), told: pairs(toldShares(shares)), readOnly: shares.map(({ readOnly }) => readOnly) };
}

test("a flake has a folder and the name of a system, or is none", () => {
  expect(flakeIn("/home/ann/machines#web")).toEqual({ folder: "/home/ann/machines", name: "web" });
  expect(flakeIn("none")).toBeUndefined();
});

test("a flake in a share is seen there", () => {
  const own = ["/home/ann /home/ann"];
  expect(seen(look("/home/ann/machines"))).toEqual({ served: own, told: own, readOnly: [false, false] });
  expect(seen(undefined).served).toEqual(own);
});

test("any other has a share of its own, read-only and aside: also one in a folder that the guest has itself", () => {
  for (const real of ["/srv/machines", "/home/anna", "/nix/store/abc-machines", "/tmp/machines"]) {
    expect(seen(look("/etc/machines", real))).toEqual({
      served: ["/home/ann /home/ann", `${real} /run/qn/machines`],
      told: ["/home/ann /home/ann", "/run/qn/machines /run/qn/machines"],
      readOnly: [false, true, false],
    });
  }
});

test("a flake that is not there, or in QN_HOME, is refused by name", () => {
  const mistakes = (flake: LookedAt) => shareMistakes([home], { tmp: "/tmp", home: "/home/ann/.qn", flake });
  expect(mistakes(look("/nix/store/abc-machines"))).toEqual([]);
  expect(mistakes(look("/home/ann/.qn/machines"))).toEqual([
    "flake: /home/ann/.qn/machines is in QN_HOME (/home/ann/.qn), which is never mounted",
  ]);
  const gone = { share: { path: "/srv/none", readOnly: true }, real: undefined, why: "there is no folder /srv/none" };
  expect(mistakes(gone)).toEqual(["flake: there is no folder /srv/none"]);
});
