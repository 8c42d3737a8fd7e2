/** Many requests at once, and many bytes at once, through one VM. */
import { expect } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pageServer, smallPage } from "../support/page-server.ts";
import { requestsAtOnce, slowest } from "../support/requests.ts";
import { savedImage } from "../support/saved-image.ts";
import { freePort, until } from "../support/until.ts";
import { testWithVm } from "../support/vm.ts";

const megabyte = 1_000_000;
const test = testWithVm();

test("200 and then 500 requests at once are all answered, none slower than ten times the median", async (vm) => {
  const port = await freePort();
  const server = await pageServer(join(vm.inHome, "server"));
  await vm.docker("run", "--detach", "--name", "pages", "--publish", `127.0.0.1:${port}:80`, ...server);
  await until("the page", 60_000, async () => {
    const [answer] = await requestsAtOnce(1, port);
    return answer?.text === smallPage ? true : undefined;
  });
  for (const count of [200, 500]) {
    const answers = await requestsAtOnce(count, port);
    const [median, last] = [slowest(answers, 0.5), slowest(answers, 1)];
    console.log(`${count} requests: median ${median.toFixed(0)} ms, slowest ${last.toFixed(0)} ms`);
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set([smallPage]));
    expect(last).toBeLessThan(10 * median);
  }
  await vm.docker("rm", "--force", "pages");
});

test("a saved image of 500 MB is loaded whole", async (vm) => {
  const archive = join(vm.inTmp, "big.tar");
  const id = await savedImage(archive, { tag: "big:latest", contentBytes: 500 * megabyte });
  expect(await vm.docker("load", "--quiet", "--input", archive)).toBe("Loaded image: big:latest");
  await rm(archive);
  expect(await vm.docker("image", "inspect", "--format", "{{.Id}} {{.Size}}", "big")).toBe(`${id} ${500 * megabyte}`);
  await vm.docker("image", "rm", "big");
});
