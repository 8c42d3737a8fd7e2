/** Ways by which a qn comes to a machine that `qn upgrade` leaves alone, and what upgrades it there. */

/** In words, and as the line to give. */
export type OtherWay = { readonly words: string; readonly command: string };

/** What is known of a program: its path without links, and whether Bun runs it from its source. */
export type Program = { readonly path: string; readonly isSource: boolean };

/** How a program that install.sh has not installed came here, as far as its path tells. */
export function otherWay({ path, isSource }: Program): OtherWay {
  if (isSource) return { words: "runs from its source", command: "git pull" };
  return ways.find(({ paths }) => paths.test(path)) ?? unknownWay;
}

// --- internal ---

const ways: readonly (OtherWay & { readonly paths: RegExp })[] = [
  { paths: /\/Cellar\/qn\//, words: "is Homebrew's", command: "brew upgrade qn" },
  {
    paths: /^\/nix\/store\//,
    words: "is Nix'",
    command: "nix profile upgrade qn (where a flake has it: nix flake update qn, then switch to it as always)",
  },
  { paths: /\/dist\/qn$/, words: "was built from a checkout", command: "git pull && bun scripts/build.ts" },
];

/** A copy that somebody has made. */
const unknownWay: OtherWay = {
  words: "was not installed by install.sh",
  command: "sh install.sh (docs/guides/install.md has where it is), which installs below ~/.local",
};
