/** Of which servers of mounts a person is told that they have ended. */
import { expect, test } from "bun:test";
import { turn } from "../../../../../src/system/clock.ts";
import { LostShares } from "../../../../../src/host/supervisor/boot/lost-shares.ts";

const share = { tag: "qn0", path: "/home/ann", readOnly: false };
const told = "The server of virtiofs has ended for the mount /home/ann, which hangs until `qn restart`.";

/** A QEMU with these devices, and what a person is told. */
function scene(devices: string[]) {
  const warned: string[] = [];
  const execute = async (): Promise<unknown> => devices.map((name) => ({ name }));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a QEMU is asked
  const lost = new LostShares(
    () => ({ qmp: { execute } }) as never,
    (text) => void warned.push(text),
  );
  return { lost, warned };
}

test("a server that ends while its mount is plugged in is told of", async () => {
  const { lost, warned } = scene(["port-qn0", "qn0"]);
  lost.listener()(share);
  await turn();
  expect(warned).toEqual([told]);
});

test("a server whose device was unplugged ends by right, also where that is seen when there is another one", async () => {
  const devices = ["port-qn0"];
  const { lost, warned } = scene(devices);
  const first = lost.listener();
  first(share);
  await turn();
  lost.renew(share);
  const second = lost.listener();
  devices.push("qn0");
  first(share);
  await turn();
  expect(warned).toEqual([]);
  second(share);
  await turn();
  expect(warned).toEqual([told]);
});
