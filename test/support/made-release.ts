/** Releases as scripts/release makes them, of small stand-ins for the programs and the images. */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { targets } from "../../scripts/support/bun-template.ts";
import type { WholeParts } from "../../scripts/support/release/whole.ts";
import manifest from "../../package.json";
import { arches } from "../../src/base/words.ts";
import { repository } from "./program.ts";
import { type KeyPair, newImage, newKeyPair } from "./released-image.ts";

/** The parts of a release with nothing against it, in `folder`; what a test changes of them comes on top. */
export async function releaseParts(
  folder: string,
  more: Partial<WholeParts> = {},
): Promise<WholeParts & { readonly pair: KeyPair }> {
  const programs = join(folder, "programs");
  for (const target of Object.keys(targets)) {
    const program = join(programs, `qn-${target}`);
    await Bun.write(
      program,
      `#!/bin/sh\n[ "$2" = --json ] && echo '{ "build": "release" }' || echo "${manifest.version} (${target})"\n`,
    );
    await chmod(program, 0o700);
  }
  await mkdir(join(folder, "images"), { recursive: true });
  for (const arch of arches) await newImage(join(folder, `images/debian-${arch}`), { arch, diskBytes: 70_000 });
  const pair = newKeyPair();
  return {
    root: repository,
    source: { commit: "0123456789abcdef".repeat(3).slice(0, 40), committedS: 1_700_000_000, changes: [] },
    changelog: `## [${manifest.version}] - 2026-11-29\n\n- Something.\n`,
    out: join(folder, "out"),
    keys: new Map([["key.pem", pair.privatePem]]),
    trusted: [pair.publicPem],
    images: { folder: join(folder, "images") },
    programs,
    isTrial: false,
    base: "https://mirror.example/qn",
    level: 1,
    env: {},
    say: () => {},
    pair,
    ...more,
  };
}
