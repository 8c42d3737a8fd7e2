/** `qn rename` of a VM that has a service: the service is not the command's to change, so it says what to do. */
import { expect, test } from "bun:test";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installService, serviceSpec } from "../../../src/host/integrate/service/manage.ts";
import { layoutOf } from "../../../src/host/layout.ts";
import { repository, runProgram } from "../../support/program.ts";
import { tempHome } from "../../support/temp-home.ts";

async function stoppedVms() {
  const home = await tempHome({ images: false });
  const layout = layoutOf(join(home.path, ".qn"));
  for (const name of ["web", "db"]) {
    const { folder, config } = layout.vm(name);
    await mkdir(folder, { recursive: true });
    await writeFile(config, "cpus: 1\n");
  }
  // Managers that are never reached; the files of a service are there all the same.
  const tools = join(home.path, "tools");
  await mkdir(tools);
  for (const name of ["systemctl", "launchctl"]) {
    await writeFile(join(tools, name), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  }
  const env = { HOME: home.path, PATH: `${tools}:/usr/bin:/bin`, XDG_CONFIG_HOME: "", QN_HOME: layout.home };
  const os = process.platform === "darwin" ? "darwin" : "linux";
  const paths = layout.vm("web");
  await installService({ os, env }, serviceSpec(paths, layout.home, ["/usr/bin/qn"], env));
  const rename = (from: string, to: string) =>
    runProgram([process.execPath, join(repository, "src/main.ts"), "rename", from, to], {
      env: { ...env, NO_COLOR: "1" },
    });
  return { layout, rename, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
}

test("who renames a VM that has a service is told that the service still means the old name", async () => {
  await using vms = await stoppedVms();
  const { exitCode, stderr } = await vms.rename("web", "shop");
  expect(exitCode).toBe(0);
  expect(stderr).toContain('VM "web" is now "shop".');
  expect(stderr.replaceAll(/\s+/g, " ")).toContain(
    'Its service still starts "web", which is no more: qn service uninstall web, then qn service install shop.',
  );
  expect((await readdir(vms.layout.home)).filter((name) => !name.startsWith("_"))).toEqual(
    expect.arrayContaining(["db", "shop"]),
  );
});

test("who renames a VM that has no service hears nothing of services", async () => {
  await using vms = await stoppedVms();
  const { exitCode, stderr } = await vms.rename("db", "store");
  expect([exitCode, stderr.includes("service"), stderr.includes('VM "db" is now "store".')]).toEqual([0, false, true]);
});
