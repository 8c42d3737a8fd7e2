/** `qn config` as a person types it: real files, a real editor, exit statuses. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readlink, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { programsMs } from "../../support/fake-vm.ts";
import { type Outcome, repository, runProgram } from "../../support/program.ts";

setDefaultTimeout(programsMs);

const scratch = await mkdtemp("/tmp/qn-config-");
afterAll(() => rm(scratch, { recursive: true, force: true }));

let homes = 0;

/** A QN_HOME with a VM "default", which has this file of settings. */
async function home(text = ""): Promise<{ path: string; file: string }> {
  homes += 1;
  const path = join(scratch, `${homes}`);
  await mkdir(join(path, "default"), { recursive: true });
  const file = join(path, "default/config.yaml");
  await Bun.write(file, text);
  return { path, file };
}

function qnConfig(
  path: string,
  words: readonly string[],
  env: Record<string, string | undefined> = {},
): Promise<Outcome> {
  const program = [process.execPath, join(repository, "src/main.ts"), "config", ...words];
  const plain = {
    QN_HOME: path,
    VISUAL: undefined,
    EDITOR: undefined,
    NO_COLOR: "1",
    QN_CPUS: undefined,
    NODE_ENV: undefined,
  };
  return runProgram(program, { env: { ...plain, ...env } });
}

/** An editor that writes this text, and notes the file it was given. */
async function editor(folder: string, text: string): Promise<{ command: string; seen: string }> {
  const seen = join(folder, "seen");
  await Bun.write(join(folder, "new text"), text);
  await Bun.write(join(folder, "ed.sh"), 'cp "$2" "$1/seen" && cp "$1/new text" "$2"\n');
  return { command: `sh ${join(folder, "ed.sh")} ${folder}`, seen };
}

test("config show names for each setting its value and where it comes from", async () => {
  const { path, file } = await home("cpus: 2\nports:\n  bind: all\n");
  await Bun.write(join(path, "config.yaml"), "cpus: 1\nmemoryMiB: 700\n");
  const shown = await qnConfig(path, ["show"], { QN_DISK_GIB: "7" });
  const rows = new Map(shown.stdout.split("\n").map((line) => [line.split(/ +/)[0], line.split(/ +/).slice(1)]));
  expect(["cpus", "memoryMiB", "diskGiB", "ports.bind", "image"].map((name) => rows.get(name))).toEqual([
    ["2", file],
    ["700", join(path, "config.yaml")],
    ["7", "QN_DISK_GIB"],
    ["all", file],
    ["debian", "default"],
  ]);
  // What follows from the machine says how.
  const own = (await qnConfig(path, ["show", "arch"], { QN_CPUS: "1" })).stdout;
  expect(own).toMatch(/^arch +\w+ +default \(this machine's\)$/m);
  const json: unknown = JSON.parse((await qnConfig(path, ["show", "--json"])).stdout);
  expect(json).toMatchObject({
    schema: 1,
    settings: {
      cpus: { value: 2, origin: { from: "file", path: file }, variable: "QN_CPUS", takesEffect: "at the next start" },
      "ports.bind": { value: "all" },
      image: { value: "debian", origin: { from: "default" } },
    },
  });
  const some: unknown = JSON.parse((await qnConfig(path, ["get", "cpus", "disk", "--json"])).stdout);
  expect(some).toMatchObject({ settings: { cpus: { value: 2 }, diskGiB: {} } });
  expect((await qnConfig(path, ["get", "default", "image"])).stdout).toMatch(
    /^SETTING +VALUE +FROM\nimage +debian +default\n$/,
  );
});

test("config set takes the types from the schema, keeps remarks, and says what overrides it", async () => {
  const { path, file } = await home("# mine\ncpus: 2 # few\n");
  const set = await qnConfig(path, ["set", "cpus=4", "ports.bind=all", "protected=true"], { QN_CPUS: "3" });
  expect(await Bun.file(file).text()).toBe("# mine\ncpus: 4 # few\nports:\n  bind: all\nprotected: true\n");
  expect(set).toMatchObject({ exitCode: 0, stdout: "" });
  expect(set.stderr).toContain(`3 settings written to ${file}.\n`);
  expect(set.stderr).toEndWith(
    "  cpus is 3 (QN_CPUS), from the next start on\n  ports.bind is all, from the next start on\n  protected is true, from now on\n",
  );
  expect(await qnConfig(path, ["unset", "default", "ports.bind", "cpus"])).toMatchObject({ exitCode: 0 });
  expect(await Bun.file(file).text()).toBe("# mine\n\nprotected: true\n");
});

test("who changes the machine of a suspended VM hears that it may not go on, and nobody else does", async () => {
  const { path } = await home("cpus: 2\n");
  const lost = 'The VM "default" is suspended, and goes on only as the machine that it was';
  expect((await qnConfig(path, ["set", "cpus=3"])).stderr).not.toContain("suspended");
  await Bun.write(`${path}/default/suspended.state`, "");
  const changed = await qnConfig(path, ["set", "cpus=4"]);
  expect([changed.exitCode, changed.stderr]).toEqual([0, expect.stringContaining(lost)]);
  expect(changed.stderr).not.toContain("qn restart");
  expect((await qnConfig(path, ["set", "protected=true"])).stderr).not.toContain(lost);
});

test("config set refuses every mistake at the door, and the file stays as it was", async () => {
  const { path, file } = await home("cpus: 2\n");
  const refused = [
    [["set", "cpus=0", "ports.bind=al"], 5, "cpus must be at least 1, got 0"],
    [["set", "cpus=0", "ports.bind=al"], 5, 'ports.bind must be one of loopback, all, strict, got "al"'],
    [["set", "memroyMiB=700"], 5, "Did you mean memoryMiB?"],
    [["set", "memory=8"], 5, "Did you mean memory=8G?"],
    [["set", "ports=all"], 5, "Did you mean ports.bind"],
    [["set", "cpus"], 1, "No setting is named."],
    [["set", "default", "cpus"], 1, '"cpus" is not a setting with a value.'],
    [["set", "tmp=none"], 5, "Did you mean files.tmp?"],
    [["set", "mounts=/srv"], 5, 'mounts must be a list such as [{ path: /srv/data }], got "/srv"'],
    [["set", "mounts=[/srv]"], 5, 'mounts.0 must be a mapping such as { path: /srv/data }, got "/srv"'],
    [
      ["set", "mounts=[{", "path:", "/srv", "}]"],
      1,
      "Write it as in qn config set cpus=4 'mounts=[{ path: /srv/data }]'.",
    ],
    [["set", "web", "cpus=0"], 5, "cpus must be at least 1, got 0"],
    [["unset", "web", "cpus"], 4, 'There is no VM "web".'],
    [["unset", "memroyMiB"], 5, '"memroyMiB" is not a known setting.'],
  ] as const;
  for (const [words, status, message] of refused) {
    const { exitCode, stderr } = await qnConfig(path, words);
    expect([exitCode, stderr]).toEqual([status, expect.stringContaining(message)]);
  }
  expect(await Bun.file(file).text()).toBe("cpus: 2\n");
  expect(await readdir(path)).toEqual(["default"]);
});

test("config set --all writes the file of all VMs, below each VM's own", async () => {
  const { path } = await home("cpus: 2\n");
  expect(await qnConfig(path, ["set", "--all", "cpus=1", "memoryMiB=600"])).toMatchObject({ exitCode: 0 });
  const json: unknown = JSON.parse((await qnConfig(path, ["show", "--json"])).stdout);
  expect(json).toMatchObject({ settings: { cpus: { value: 2 }, memoryMiB: { value: 600 } } });
  const places = await Promise.all([["path"], ["path", "--all"]].map((words) => qnConfig(path, words)));
  expect(places.map(({ stdout }) => stdout)).toEqual([`${path}/default/config.yaml\n`, `${path}/config.yaml\n`]);
});

test("the settings of a VM may be there before it is, and who has mistyped its name sees that", async () => {
  const path = join(await mkdtemp(join(scratch, "empty-")), "home");
  const text = (name: string): Promise<string> => Bun.file(join(path, name)).text();
  const set = async (...words: string[]): Promise<string> => {
    const { exitCode, stderr } = await qnConfig(path, ["set", ...words]);
    expect(exitCode).toBe(0);
    return stderr.split("\n").slice(2).join("\n");
  };
  expect(await set("memory=3G")).toBe("");
  expect([await text("default/config.yaml"), await text("default/version")]).toEqual([
    expect.stringMatching(/\nmemoryMiB: 3072\n$/),
    "1\n",
  ]);
  expect(await set("web", "memory=4G")).toBe(
    '  The VM "web" is not there yet: qn up web makes it like this, qn delete web takes it back.\n',
  );
  expect([await text("web/config.yaml"), await text("web/version")]).toEqual([
    expect.stringMatching(/\nmemoryMiB: 4096\n$/),
    "1\n",
  ]);
  expect(await set("webb", "cpus=1")).toBe(
    '⚠ The VM "webb" is not there yet: qn up webb makes it like this. Did you mean "web"? qn delete webb takes this back.\n',
  );
  expect(await set("web", "cpus=2")).toBe("");
  expect((await qnConfig(path, ["show", "web", "memoryMiB"])).stdout).toContain("4096");
});

test("config edit of a VM that is not there makes its settings, unless nothing is written down", async () => {
  const path = await mkdtemp(join(scratch, "empty-"));
  const looked = await qnConfig(path, ["edit", "web"], { EDITOR: "true" });
  expect([looked.exitCode, looked.stderr, await readdir(path)]).toEqual([0, "No setting has changed.\n", []]);
  const { command, seen } = await editor(path, "cpus: 3\n");
  const edited = await qnConfig(path, ["edit", "web"], { EDITOR: command });
  expect(await Bun.file(seen).text()).toStartWith("# Settings; ");
  expect([edited.exitCode, edited.stderr.split("\n").at(-2)]).toEqual([
    0,
    '  The VM "web" is not there yet: qn up web makes it like this, qn delete web takes it back.',
  ]);
  expect(await Bun.file(join(path, "web/config.yaml")).text()).toBe("cpus: 3\n");
});

test("config edit keeps what is right", async () => {
  const { path, file } = await home("cpus: 2\n");
  const { command, seen } = await editor(path, "cpus: 3 # more\nimage: mine\n");
  const edited = await qnConfig(path, ["edit"], { EDITOR: command });
  expect([edited.exitCode, edited.stderr]).toEqual([0, expect.stringContaining(`2 settings changed in ${file}.`)]);
  expect([await Bun.file(seen).text(), await Bun.file(file).text()]).toEqual([
    "cpus: 2\n",
    "cpus: 3 # more\nimage: mine\n",
  ]);
  // Where nobody looks (a variable CI) the words are the same.
  const again = await qnConfig(path, ["edit"], { VISUAL: command, EDITOR: "false", CI: "true" });
  expect([again.exitCode, again.stderr]).toEqual([0, "No setting has changed.\n"]);
});

test("config edit shows every mistake of a wrong draft, keeps the draft and takes it up again", async () => {
  const { path, file } = await home("cpus: 2\n");
  const draft = join(path, "default/config.draft.yaml");
  const wrong = "cpus: 0\nmemroyMiB: 700\n";
  const first = await qnConfig(path, ["edit"], { EDITOR: (await editor(path, wrong)).command });
  expect(first.exitCode).toBe(5);
  for (const line of ["cpus must be at least 1, got 0", "memroyMiB is not a known setting; did you mean memoryMiB?"]) {
    expect(first.stderr).toContain(`${line} (${draft})`);
  }
  expect([await Bun.file(file).text(), await Bun.file(draft).text()]).toEqual(["cpus: 2\n", wrong]);
  const { command, seen } = await editor(path, "cpus: 1\n");
  const second = await qnConfig(path, ["edit"], { EDITOR: command });
  expect([second.exitCode, second.stderr]).toEqual([0, expect.stringContaining("was taken up again")]);
  expect([await Bun.file(seen).text(), await Bun.file(file).text(), await Bun.file(draft).exists()]).toEqual([
    wrong,
    "cpus: 1\n",
    false,
  ]);
});

test("config edit says when there is no such editor", async () => {
  const { path, file } = await home("cpus: 2\n");
  const { exitCode, stderr } = await qnConfig(path, ["edit"], { EDITOR: "no-such-editor" });
  expect([exitCode, stderr]).toEqual([13, expect.stringContaining("The editor no-such-editor ended with status 127.")]);
  expect(await Bun.file(file).text()).toBe("cpus: 2\n");
});

test("settings that are a link into a folder of dot files stay one", async () => {
  const { path, file } = await home();
  await rm(file);
  await Bun.write(join(path, "dotfiles.yaml"), "cpus: 2\n");
  await symlink(join(path, "dotfiles.yaml"), file);
  expect(await qnConfig(path, ["set", "cpus=3"])).toMatchObject({ exitCode: 0 });
  expect([await readlink(file), await Bun.file(file).text()]).toEqual([join(path, "dotfiles.yaml"), "cpus: 3\n"]);
});

test("config schema describes every setting with its range, for editors", async () => {
  const { path } = await home();
  const schema: unknown = JSON.parse((await qnConfig(path, ["schema"])).stdout);
  expect(schema).toMatchObject({
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    additionalProperties: false,
    properties: {
      cpus: { type: "integer", minimum: 1, maximum: 256, description: "Virtual processors." },
      accel: { enum: ["auto", "kvm", "hvf", "tcg"] },
      ports: {
        type: "object",
        additionalProperties: false,
        properties: { bind: { enum: ["loopback", "all", "strict"] } },
      },
    },
  });
});
