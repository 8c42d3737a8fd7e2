/** The Docker contexts of VMs, in the files of the real docker command. */
import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type ContextMode,
  contextOf,
  offerContext,
  removeContext,
  withdrawContext,
} from "../../../../src/host/integrate/docker/context.ts";
import { layoutOf } from "../../../../src/host/layout.ts";
import { acquireLock, type Lock } from "../../../../src/system/kernel/lock.ts";
import { findProgram, run } from "../../../../src/system/process.ts";
import { tempHome } from "../../../support/temp-home.ts";

/** A home folder of its own, and VMs in it that hold their locks while they are up. */
async function desk() {
  const home = await tempHome({ images: false });
  const env: Record<string, string> = { HOME: home.path };
  const folder = join(home.path, ".docker");
  const layout = layoutOf(join(home.path, ".qn"));
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text.replaceAll(home.path, "~"));
  const locks = new Map<string, Lock>();
  const free = (vm: string): void => {
    locks.get(vm)?.release();
    locks.delete(vm);
  };
  const config = join(folder, "config.json");
  const docker = async (...words: string[]) => {
    const path = process.env["PATH"] ?? "";
    const outcome = await run(["docker", ...words], { env: { ...env, PATH: path } });
    return outcome.exitCode === 0 ? outcome.stdout.trim() : `status ${outcome.exitCode}: ${outcome.stderr.trim()}`;
  };
  return {
    home: home.path,
    env,
    folder,
    config,
    layout,
    warnings,
    docker,
    current: () => docker("context", "show"),
    list: async () => (await docker("context", "ls", "--format", "{{.Name}} {{.DockerEndpoint}}")).split("\n"),
    async up(vm: string, mode: ContextMode = "auto") {
      const paths = layout.vm(vm);
      await mkdir(paths.folder, { recursive: true });
      const lock = acquireLock(paths.lock);
      if (lock !== undefined) locks.set(vm, lock);
      await offerContext(paths, env, mode, warn);
    },
    /** Its processes end and nothing is given back, as when the machine loses its power. */
    die: free,
    async down(vm: string) {
      await withdrawContext(layout.vm(vm), env, warn);
      free(vm);
    },
    remove: (vm: string) => removeContext(layout.vm(vm), env, warn),
    write: async (text: string) => {
      await mkdir(folder, { recursive: true });
      await writeFile(config, text);
    },
    read: () => readFile(config, "utf8"),
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

/** A docker command is on every machine that runs these tests but the smallest. */
const withDocker = test.skipIf(findProgram("docker") === undefined);

/** A config.json as one has it after `docker login`. */
const loggedIn = '{\n\t"auths": {\n\t\t"registry.example": {}\n\t},\n\t"credsStore": "pass",\n\t"unknown": 1.50\n}';

withDocker("the docker command uses the VM while it is up, and what it used before afterwards", async () => {
  await using at = await desk();
  await at.write(loggedIn);
  expect(await at.current()).toBe("default");
  await at.up("default");
  expect([await at.current(), await at.docker("context", "inspect", "qn", "-f", "{{.Endpoints.docker.Host}}")]).toEqual(
    ["qn", `unix://${at.layout.vm("default").dockerSocket}`],
  );
  expect(await contextOf(at.layout.vm("default"), at.env)).toEqual({ name: "qn", isCurrent: true });
  await at.down("default");
  expect([await at.current(), await at.read()]).toEqual(["default", loggedIn]);
  expect(await at.list()).toContain(`qn unix://${at.layout.vm("default").dockerSocket}`);
  await at.remove("default");
  expect([await at.list(), at.warnings]).toEqual([["default unix:///var/run/docker.sock"], []]);
});

withDocker("a context that a person chose stays chosen, before and while the VM is up", async () => {
  await using at = await desk();
  await at.docker("context", "create", "mine", "--docker", "host=tcp://192.0.2.1:2375");
  await at.docker("context", "use", "mine");
  await at.up("default");
  expect(await at.current()).toBe("mine");
  await at.down("default");
  expect(await at.current()).toBe("mine");
  await at.docker("context", "use", "default");
  await at.up("default");
  await at.docker("context", "use", "mine");
  await at.down("default");
  expect([await at.current(), at.warnings]).toEqual(["mine", []]);
});

withDocker("a VM's context that a person chose outlives down, and goes with delete", async () => {
  await using at = await desk();
  await at.up("web", "make");
  expect(await at.current()).toBe("default");
  await at.docker("context", "use", "qn-web");
  await at.down("web");
  expect(await at.current()).toBe("qn-web");
  await at.remove("web");
  expect([await at.current(), at.warnings]).toEqual(["default", []]);
});

test("two VMs that go up and down in any order end with the user's own context", async () => {
  const orders = [
    ["up a", "up b", "down a", "down b"],
    ["up a", "up b", "down b", "down a"],
    ["up a", "down a", "up b", "down b"],
    ["up a", "die a", "up b", "down b", "up a", "down a"],
    ["up a", "die a", "up b", "up a", "down a", "down b"],
    ["up a", "die a", "up b", "die b", "up a", "die a", "down b", "down a"],
    ["up a", "up a", "down a", "down a"],
  ];
  for (const before of [undefined, "{}", loggedIn, '{"currentContext":"default"}', '{"currentContext":"", "a":1}']) {
    for (const order of orders) {
      await using at = await desk();
      if (before !== undefined) await at.write(before);
      for (const step of order) {
        const [what = "", vm = ""] = step.split(" ");
        if (what === "up") await at.up(vm);
        else if (what === "down") await at.down(vm);
        else at.die(vm);
      }
      const left = before === undefined ? await at.read().catch(() => undefined) : await at.read();
      expect([order, left]).toEqual([order, before]);
    }
  }
});

test("VMs that go up and down at the same moment lose nothing of config.json", async () => {
  await using at = await desk();
  await at.write(loggedIn);
  const names = ["a", "b", "c", "d", "e", "f"];
  await Promise.all(names.map((name) => at.up(name)));
  await Promise.all(names.map((name) => at.down(name)));
  expect([await at.read(), at.warnings]).toEqual([loggedIn, []]);
  expect((await readdir(join(at.folder, "contexts/meta"))).length).toBe(names.length);
});

test("DOCKER_HOST and DOCKER_CONTEXT are a choice by hand", async () => {
  for (const name of ["DOCKER_HOST", "DOCKER_CONTEXT"]) {
    await using at = await desk();
    at.env[name] = "unix:///elsewhere.sock";
    await at.up("default");
    expect(await contextOf(at.layout.vm("default"), at.env)).toEqual({ name: "qn", isCurrent: false });
  }
});

test("with `context: none` nothing is made", async () => {
  await using at = await desk();
  await at.up("default", "none");
  await at.down("default");
  expect(await readdir(at.home)).toEqual([".qn"]);
});

test("a config.json that is a link stays one, and keeps its permissions", async () => {
  await using at = await desk();
  await mkdir(join(at.home, "dotfiles"));
  await mkdir(at.folder);
  await writeFile(join(at.home, "dotfiles/docker.json"), loggedIn);
  await chmod(join(at.home, "dotfiles/docker.json"), 0o640);
  await symlink("../dotfiles/docker.json", at.config);
  await at.up("default");
  expect(JSON.parse(await at.read())).toEqual({ ...JSON.parse(loggedIn), currentContext: "qn" });
  expect([await readlink(at.config), (await stat(at.config)).mode & 0o777]).toEqual(["../dotfiles/docker.json", 0o640]);
  await at.down("default");
  expect([await at.read(), at.warnings]).toEqual([loggedIn, []]);
});

test("files that are broken are left as they are, with a warning", async () => {
  const broken = {
    '{"auths": {': "JSON Parse error: Expected '}'",
    "[]": "It is no JSON object",
    '{"currentContext": 7}': '"currentContext" is no text',
    '{"currentContext":"a","CurrentContext":"b"}': 'It has "currentContext" twice',
  };
  for (const [text, reason] of Object.entries(broken)) {
    await using at = await desk();
    await at.write(text);
    await at.up("default");
    await at.down("default");
    expect([await at.read(), at.warnings]).toEqual([
      text,
      [`The Docker context "qn" cannot be made current: ~/.docker/config.json: ${reason}.`],
    ]);
  }
  await using at = await desk();
  await mkdir(at.folder);
  await symlink("nowhere/config.json", at.config);
  await at.up("default");
  expect([await readlink(at.config), at.warnings.length]).toEqual(["nowhere/config.json", 1]);
});

withDocker("a context of the same name that is not this VM's stays as it is, while it may be of use", async () => {
  await using at = await desk();
  await at.docker("context", "create", "qn", "--docker", "host=tcp://192.0.2.1:2375");
  await at.up("default");
  await at.remove("default");
  expect(await at.list()).toContain("qn tcp://192.0.2.1:2375");
  const refused = (host: string) => `The Docker context "qn" leads to ${host}; it stays as it is.`;
  expect(at.warnings).toEqual([refused("tcp://192.0.2.1:2375")]);
  await at.docker("context", "rm", "qn");

  await at.up("default");
  const other = layoutOf(join(at.home, "other")).vm("default");
  const warnings: string[] = [];
  const offer = () => offerContext(other, at.env, "auto", (text) => void warnings.push(text));
  await offer();
  expect(warnings).toEqual([refused(`unix://${at.layout.vm("default").dockerSocket}`)]);
  at.die("default");
  await rm(at.layout.home, { recursive: true });
  await offer();
  expect([warnings.length, (await contextOf(other, at.env))?.isCurrent]).toEqual([1, true]);
});

withDocker("what others add to a VM's context stays", async () => {
  await using at = await desk();
  await at.up("default");
  await at.docker("context", "update", "qn", "--description", "mine");
  await at.up("default");
  await at.down("default");
  expect(await at.docker("context", "ls", "--format", "{{.Name}} {{.Description}}")).toContain("qn mine");
});
