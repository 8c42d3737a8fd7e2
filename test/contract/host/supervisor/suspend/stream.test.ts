/** QEMU's stream on its way to a file: what is left where it cannot even begin. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { receiveStream } from "../../../../../src/host/supervisor/suspend/stream.ts";
import { newFolder } from "../../../../support/folder.ts";

/** The descriptors of this process. */
function descriptors(): number {
  return readdirSync("/dev/fd").length;
}

test("a stream that cannot begin leaves no descriptor, however often it is tried", async () => {
  await using folder = await newFolder();
  const receive = async (round: number): Promise<void> => {
    const receiving = receiveStream(join(folder.path, "missing/s.sock"), `${folder.path}/${round}`, async () => {});
    await expect(receiving).rejects.toThrow("Failed to listen");
  };
  await receive(0);
  const before = descriptors();
  for (let round = 1; round <= 20; round += 1) await receive(round);
  expect(descriptors() - before).toBeLessThan(20);
});
