/** A VM whose disks lie on two file systems of this machine, of which one is full. */
import { expect, test } from "bun:test";
import { GuestTrouble } from "../../../../../src/host/supervisor/seam/guest-trouble.ts";
import type { QmpClient } from "../../../../../src/host/qmp/client.ts";
import { newFolder } from "../../../../support/folder.ts";

/** Nothing has ever room in it. */
const full = "/proc";

test.skipIf(process.platform !== "linux").each([0, 1])(
  "a guest that waits for a disk says which one is full, be it the first or the second: %d",
  async (place) => {
    await using home = await newFolder();
    const { promise: told, resolve } = Promise.withResolvers<string>();
    const trouble = new GuestTrouble({ execute: async () => ({}) } as unknown as QmpClient, {
      folders: place === 0 ? [full, home.path] : [home.path, full],
      console: () => [],
      onReset: () => {},
      dispatch: () => {},
      warn: resolve,
      log: () => {},
    });
    trouble.hear({ name: "BLOCK_IO_ERROR", data: { "node-name": "system", action: "stop", nospace: true } });
    expect(await told).toStartWith(`The disk of this machine that holds ${full} is full.`);
    trouble.close();
  },
);
