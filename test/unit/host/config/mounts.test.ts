/** The list of shares in the settings: what replaces it, and what one of them may say. */
import { expect, test } from "bun:test";
import { loadConfig } from "../../../../src/host/config/load.ts";
import { failureOf } from "../../../support/failures.ts";

const host = { arch: "x86_64", cpus: 8, memoryMiB: 16_384, homeFolder: "/home/ann", os: "linux" } as const;

function load({ file }: { file: string }) {
  return loadConfig({ host, files: [{ path: "/c.yaml", text: file }], env: {}, flags: {} });
}

test("a list of shares replaces the default one, an empty list too", () => {
  expect(load({ file: "mounts: []" }).config.mounts).toEqual([]);
});

test("a share's path is cleaned, so that one folder has one name", () => {
  const file = "mounts: [{ path: /tmp/ }, { path: /srv//data/../www/. }, { path: / }]";
  expect(load({ file }).config.mounts.map(({ path }) => path)).toEqual(["/tmp", "/srv/www", "/"]);
});

test("a share with an unknown security or cache, a NUL or a path without end is refused", async () => {
  const file = `mounts: [{ path: /a, security: mapped }, { path: /b, cache: yes }, { path: "/c\\0" }, { path: /${"d".repeat(4095)} }]`;
  const { details } = await failureOf(() => load({ file }));
  expect(details?.map((line) => line.slice(0, 70))).toEqual([
    'mounts.0.security must be one of none, mapped-xattr, got "mapped" (/c.',
    'mounts.1.cache must be one of mmap, none, loose, got "yes" (/c.yaml)',
    'mounts.2.path must have no NUL in it, got "/c\\u0000" (/c.yaml)',
    `mounts.3.path must have at most 4095 bytes, got "/${"d".repeat(20)}`,
  ]);
});
