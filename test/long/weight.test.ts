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
  const publish = ["--publish", `127.0.0.1:${port}:80`, "--publish", `127.0.0.1:${port}:53/udp`];
  await vm.docker("run", "--detach", "--name", "pages", ...publish, ...server);
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
});

test("datagrams to a published UDP port are answered, each as it was", async (vm) => {
  const address = await vm.docker("port", "pages", "53/udp");
  const port = Number(address.split(":").at(-1));
  const answers = new Set<string>();
  const client = await Bun.udpSocket({
    connect: { hostname: "127.0.0.1", port },
    socket: { data: (_socket, data) => void answers.add(data.toString()) },
  });
  try {
    const sent = Array.from({ length: 20 }, (_each, index) => `${index} `.repeat(index * 20 + 1));
    // UDP may lose any datagram, so what has not come back is sent again.
    await until("20 datagrams", 20_000, () => {
      const missing = sent.filter((text) => !answers.has(text));
      for (const text of missing) client.send(text);
      return missing.length === 0 ? true : undefined;
    });
    expect([...answers].toSorted()).toEqual(sent.toSorted());
  } finally {
    client.close();
    await vm.docker("rm", "--force", "pages");
  }
});

test("a saved image of 500 MB is loaded whole", async (vm) => {
  const archive = join(vm.inTmp, "big.tar");
  const id = await savedImage(archive, { tag: "big:latest", contentBytes: 500 * megabyte });
  expect(await vm.docker("load", "--quiet", "--input", archive)).toBe("Loaded image: big:latest");
  await rm(archive);
  expect(await vm.docker("image", "inspect", "--format", "{{.Id}} {{.Size}}", "big")).toBe(`${id} ${500 * megabyte}`);
  await vm.docker("image", "rm", "big");
});
