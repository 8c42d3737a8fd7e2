/** THIRD-PARTY-NOTICES.txt: whose work is in the program besides qn's own, and under which licences. */
import { bunLicence, bunLicenceAddress, bunParts } from "./bun-parts.ts";
import lgpl from "./lgpl-2.1.txt" with { type: "text" };
import type { Package } from "./packages.ts";

/** The file's text. `bun` is the version of the Bun inside. */
export function noticesText(packages: readonly Package[], bun: string): string {
  const parts = Object.entries(bunParts).map(
    ([licence, names]) => `${licence}:\n${names.map((name) => `  ${name}\n`).join("")}`,
  );
  return [
    `qn is one program with Bun and libraries from npm inside. This file names them all; qn's own licence is in LICENSE.\n`,
    ...packages.map(
      ({ name, version, licence, homepage, licenceText }) =>
        `${name} ${version} (${licence})\n${homepage}\n\n${licenceText?.trim() ?? "It brings no text of its licence along."}\n`,
    ),
    `Bun ${bun} (MIT)\nhttps://bun.com\n\n${bunLicence}\n`,
    `What Bun has inside\n${bunLicenceAddress(bun)} has an address for each.\n\n${parts.join("\n")}\n` +
      `JavaScriptCore and tinycc are linked into Bun, under the licence that follows. Whoever wants to change them builds\n` +
      `Bun anew (the page above says how), and qn with it: \`bun scripts/build.ts\` in a checkout of qn puts it into\n` +
      `the Bun that runs that script. All of qn's source is at the address in README.md.\n`,
    `GNU Lesser General Public License 2.1\n\n${lgpl.trim()}\n`,
  ].join(`\n${"-".repeat(80)}\n\n`);
}
