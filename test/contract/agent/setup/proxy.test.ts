/** The variables that the agent leaves for dockerd, as a shell reads what systemd quotes alike. */
import { expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { provideProxy } from "../../../../src/agent/setup/proxy.ts";
import { runProgram } from "../../../support/program.ts";
import { tempHome } from "../../../support/temp-home.ts";

test("the variables are for root only and come out as they went in, quotes and all", async () => {
  await using home = await tempHome({ images: false });
  const path = join(home.path, "run/docker.env");
  const proxy = { HTTP_PROXY: "http://ann:a\"b`c$HOME\\d'e f#@10.0.2.2:3128", no_proxy: "localhost,::1" };
  await provideProxy(proxy, path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const read = 'set -a; . "$0"; printf "%s\\n" "$HTTP_PROXY" "$no_proxy"';
  expect((await runProgram(["sh", "-c", read, path])).stdout.split("\n")).toEqual([
    proxy.HTTP_PROXY,
    proxy.no_proxy,
    "",
  ]);
});

test("without a proxy an older list of variables is emptied", async () => {
  await using home = await tempHome({ images: false });
  const path = join(home.path, "docker.env");
  await provideProxy({ HTTP_PROXY: "http://a.test" }, path);
  await provideProxy({}, path);
  expect(await Bun.file(path).text()).toBe("");
});
