/** What commands print with `--json`: each object has its version, and no field that docs/json.md has not. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { outputs } from "../../../scripts/support/json-page.ts";
import { takeDown } from "../../../src/host/lifecycle/down.ts";
import { argsOf } from "../../../src/cli/command.ts";
import { root } from "../../../src/cli/commands.ts";
import { everyCommand } from "../../../src/cli/man.ts";
import { runLines } from "../../support/command-lines.ts";
import { converse } from "../../support/conversation.ts";
import { doStep } from "../../support/image-steps.ts";
import { fakeVm, programsMs } from "../../support/fake-vm.ts";
import { wrongFields } from "../../support/json-fields.ts";
import { repository, runProgram } from "../../support/program.ts";
import { tempHome } from "../../support/temp-home.ts";

setDefaultTimeout(programsMs);

/** Lines that have an answer without a VM that runs, by the heading of their fields. */
const answered: Readonly<Record<string, string>> = {
  "status ada": "status",
  ls: "ls",
  "ports ada": "ports ls",
  "mounts ada": "mounts ls",
  "why 8080": "why",
  doctor: "doctor",
  "config show": "config show",
  "disk ls ada": "disk ls",
  "image ls": "image ls",
  "image prune --dry-run": "image prune",
  "snapshot ls ada": "snapshot ls",
  "service status ada": "service status",
  "socket status": "socket status",
  version: "version",
};

test("every answer has the version in each of its objects, and only fields of the page", async () => {
  await using home = await tempHome({ images: false });
  await doStep(home.path, { do: "build", name: "one", mark: 1 });
  await doStep(home.path, { do: "up", vm: "ada", name: "one" });
  await mkdir(join(home.path, "broken/config.yaml"), { recursive: true });
  const lines = Object.keys(answered).map((line) => [...line.split(" "), "--json"]);
  const said = await runLines(lines, { HOME: home.path, QN_HOME: home.path, XDG_CONFIG_HOME: home.path });
  for (const [index, heading] of Object.values(answered).entries()) {
    expect([heading, wrongFields(heading, JSON.parse(said[index]?.stdout ?? ""))]).toEqual([heading, []]);
  }
});

test("so has what a VM that runs says, and each line of what happens to it", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const env = { ...vm.env, QN_HOME: vm.layout.home };
  const headings = { status: "status", ports: "ports ls", mounts: "mounts ls", "why 22": "why", ls: "ls" };
  const said = await runLines(
    Object.keys(headings).map((line) => [...line.split(" "), "--json"]),
    env,
  );
  for (const [index, heading] of Object.values(headings).entries())
    expect([heading, wrongFields(heading, JSON.parse(said[index]?.stdout ?? ""))]).toEqual([heading, []]);
  expect(JSON.parse(said[0]?.stdout ?? "")).toMatchObject({ state: "running" });
  const qn = [process.execPath, join(repository, "src/main.ts")];
  const parsed = (line: string): unknown => JSON.parse(line);
  const events = (await runProgram([...qn, "up", "--json"], { env })).stdout.trim().split("\n").map(parsed);
  expect(events.at(-1)).toMatchObject({ event: "status", status: { state: "running" } });
  await using following = converse([...qn, "events", "--json"], { env });
  events.push(parsed(await following.nextLine()));
  // Whoever is told of the end has been there before.
  await takeDown(vm.paths, { force: true });
  for (let last = ""; last !== "stopped"; last = Object(events.at(-1)).event)
    events.push(parsed(await following.nextLine()));
  expect(events.flatMap((event) => wrongFields("events", event))).toEqual([]);
});

test("a field that is not on the page is found, and an object without its version", () => {
  const status = { schema: 1, name: "web", docker: { socket: "/x", more: 1 }, ports: [{ hostPort: 1, other: 2 }] };
  expect(wrongFields("status", status)).toEqual([".docker.more", ".ports[].other"]);
  expect(wrongFields("ls", [{ name: "web" }])).toEqual(["ls has no version"]);
});

test("every command that has --json has fields on the page, and no other", async () => {
  const all = await everyCommand(root);
  const withJson = all
    .filter(({ command }) => argsOf(command).some(([name]) => name === "json"))
    .map(({ path }) => path);
  const headings = Object.keys(outputs).map((name) => name.replace(/ --watch$/, ""));
  // `qn up` prints events.
  const documented = [...new Set([...headings, "up"])].filter((name) => name !== "report" && name !== "failure");
  expect(withJson.toSorted()).toEqual(documented.toSorted());
});

test("with --json a mistake of every command is one object on one line, and nothing on standard error", async () => {
  const commands = (await everyCommand(root)).map(({ path }) => path.split(" ").filter(Boolean));
  const said = await runLines(
    commands.map((words) => [...words, "--json", "--no-such-flag"]),
    { QN_HOME: "/nowhere/at/all" },
  );
  expect(commands.length).toBeGreaterThan(45);
  for (const [index, words] of commands.entries()) {
    const { stdout = "", stderr, exitCode } = said[index] ?? {};
    expect([words, stdout.split("\n").length, JSON.parse(stdout), stderr, exitCode]).toEqual([
      words,
      2,
      {
        schema: 1,
        error: { code: "USAGE", message: expect.any(String), hint: expect.any(String), status: 1, details: [] },
      },
      "",
      1,
    ]);
  }
});

test("and so is a failure of each that has --json and is about a VM", async () => {
  const lines = (await everyCommand(root))
    // `qn up` makes the VM that there is not.
    .filter(
      ({ path, command }) =>
        path !== "up" && ["vm", "json"].every((arg) => argsOf(command).some(([name]) => name === arg)),
    )
    .map(({ path }) => [...path.split(" "), "nope", "--json"]);
  const said = await runLines(lines, { QN_HOME: "/nowhere/at/all" });
  const seen = said.map(({ stdout, stderr, exitCode }) => [
    wrongFields("failure", JSON.parse(stdout)),
    stderr,
    exitCode,
  ]);
  expect(seen).toEqual(lines.map(() => [[], "", 4]));
  expect(lines.length).toBeGreaterThan(8);
});
