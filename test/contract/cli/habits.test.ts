/** What people type from the habit of other programs: each of their words works, or is answered with what does. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { commands } from "../../../src/cli/commands.ts";
import type { Table } from "../../../src/cli/tree.ts";
import { runLines } from "../../support/command-lines.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { tempHome } from "../../support/temp-home.ts";

setDefaultTimeout(programsMs);

/** Lines that do what they say, as far as that goes without a VM, with what each ends with and the line in qn's words. */
const works: Readonly<Record<string, readonly [status: number, same: string]>> = {
  "start --mount /nowhere": [5, "up --mount /nowhere"],
  "start -m 8GiB --arch NATIVE --mount /nowhere:rw": [5, "up --memory 8192 --mount /nowhere"],
  "up --mount /nowhere:w": [5, "up --mount /nowhere"],
  "stop nope": [4, "down nope"],
  "stop nope -f": [4, "down nope --force"],
  "restart nope -f": [4, "restart nope --force"],
  "info nope": [4, "status nope"],
  list: [0, "ls"],
  ps: [0, "ls"],
  "rm nope -f -y": [4, "delete nope --force"],
  "shell nope": [4, "ssh nope"],
  "copy a nope:/tmp": [4, "cp a nope:/tmp"],
  "config get cpus": [0, "config show cpus"],
  "config list": [0, "config show"],
  "config ls": [0, "config show"],
  "config get memory": [0, "config show memoryMiB"],
  "image list": [0, "image ls"],
  "image delete nope": [20, "image rm nope"],
  "image remove nope": [20, "image rm nope"],
  "container list nope": [4, "container ls nope"],
  "container ps nope": [4, "container ls nope"],
  "disk list nope": [4, "disk ls nope"],
  "disk add db 20G web": [0, "disk add db 20 web"],
  "disk remove db nope": [4, "disk rm db nope"],
  "mounts list nope": [4, "mounts nope"],
  "mounts show nope": [4, "mounts ls nope"],
  "ports list nope": [4, "ports nope"],
  "ports show nope": [4, "ports ls nope"],
  "ports delete 8080 nope": [4, "ports rm 8080 nope"],
  "ports remove 8080 nope": [4, "ports rm 8080 nope"],
  "service enable nope": [4, "service install nope"],
  "service disable": [0, "service uninstall"],
  "snapshots ls nope": [4, "snapshot ls nope"],
  "snapshot list nope": [4, "snapshot ls nope"],
  "snapshot remove nope a": [4, "snapshot rm nope a"],
  "snapshot delete nope a": [4, "snapshot rm nope a"],
  "logs nope -n 5": [4, "logs nope --tail 5"],
  "ls -q": [0, "ls --quiet"],
  version: [0, "--version"],
  help: [0, "--help"],
  "help start": [0, "up --help"],
};

/** Lines that are refused, with what stands first in the hint. */
const refused: Readonly<Record<string, string>> = {
  strat: "Did you mean qn start?",
  create: "Did you mean qn up?",
  init: "Did you mean qn up?",
  run: "See qn run --help.",
  console: "Did you mean qn ssh?",
  exec: "Did you mean qn ssh -- COMMAND?",
  inspect: "Did you mean qn status --json?",
  edit: "Did you mean qn config edit?",
  set: "Did you mean qn config set?",
  template: "Did you mean qn config edit --all?",
  validate: "Did you mean qn doctor?",
  update: "Did you mean qn upgrade?",
  "self-update": "Did you mean qn upgrade?",
  build: "Did you mean qn image build?",
  pull: "Did you mean qn image pull?",
  push: "Did you mean qn cp?",
  import: "Did you mean qn image import?",
  prune: "Did you mean qn image prune?",
  reset: "Did you mean qn delete --data?",
  du: "Did you mean qn disk ls?",
  save: "Did you mean qn snapshot create?",
  watch: "Did you mean qn events?",
  tunnel: "Did you mean qn ports add?",
  network: "Did you mean qn config set network.tap=NAME?",
  usernet: "Did you mean qn config set network.tap=NAME?",
  protect: "Did you mean qn config set protected=true?",
  unprotect: "Did you mean qn config set protected=false?",
  autostart: "Did you mean qn service install?",
  "start-at-login": "Did you mean qn service install?",
  "show-ssh": "Did you mean qn ssh-config?",
  images: "Did you mean qn image ls?",
  diagnose: "Did you mean qn report?",
  kubernetes: "qn has no Kubernetes; kind and k3d run in its Docker.",
  k8s: "qn has no Kubernetes; kind and k3d run in its Docker.",
  os: "Did you mean qn image build --fresh?",
  "factory-reset": "Did you mean qn delete --data?",
  suspend: "Did you mean qn down --suspend?",
  pause: "Did you mean qn down --suspend?",
  resume: "Did you mean qn up?",
  unpause: "Did you mean qn up?",
  kill: "Did you mean qn down --force?",
  shutdown: "Did you mean qn down?",
  poweroff: "Did you mean qn down?",
  halt: "Did you mean qn down?",
  reboot: "Did you mean qn restart?",
  mv: "Did you mean qn rename?",
  move: "Did you mean qn rename?",
  login: "Did you mean qn ssh?",
  restore: "Did you mean qn snapshot restore?",
  export: "Did you mean qn data export?",
  backup: "Did you mean qn data export?",
  settings: "Did you mean qn config show?",
  share: "Did you mean qn mounts?",
  compose: "docker compose uses the VM's Docker, as docker does.",
  docker: "docker itself uses the VM's Docker; qn env is for what does not.",
  nope: "qn --help lists them.",
  hop: "qn --help lists them.",
  "image lst": "Did you mean qn image ls?",
  "image nothing --help": "qn image --help lists them.",
  "help image nothing": "qn image --help lists them.",
  "help nothing": "qn --help lists them.",
  "nothing --help": "qn --help lists them.",
  "service enabl": "Did you mean qn service enable?",
  "service nothing --help": "qn service --help lists them.",
  "up --memory 4": "Did you mean --memory 4G?",
  "up --kubernetes": "See qn up --help.",
  "config set": "As in qn config set cpus=4.",
  "man nothing": "qn --help lists them.",
  why: "See qn why --help.",
};

async function saidTo(lines: readonly string[]) {
  await using home = await tempHome({ images: false });
  const env = { HOME: home.path, QN_HOME: home.path, XDG_CONFIG_HOME: home.path };
  const native = process.arch === "arm64" ? "arm64" : "amd64";
  const words = lines.map((line) => line.replace("NATIVE", native).split(" "));
  const said = await runLines(words, env);
  const short = (text: string): string => text.replaceAll(home.path, "~");
  return said.map(({ stdout, stderr, exitCode }) => ({ stdout: short(stdout), stderr: short(stderr), exitCode }));
}

test("words of other programs do what they do there, and end as qn's own words do", async () => {
  const habits = await saidTo(Object.keys(works));
  const own = await saidTo(Object.values(works).map(([, same]) => same));
  const seen = Object.keys(works).map((line, index) => [line, habits[index]?.exitCode]);
  expect(seen).toEqual(Object.entries(works).map(([line, [status]]) => [line, status]));
  expect(habits.map(({ stdout, stderr }) => [stdout, stderr])).toEqual(
    own.map(({ stdout, stderr }) => [stdout, stderr]),
  );
});

test("every other word for a command of qn's is among them", async () => {
  const others = (await otherWords(commands)).filter(
    (words) => !Object.keys(works).some((line) => `${line} `.startsWith(`${words} `)),
  );
  expect(others).toEqual([]);
});

test("words that qn has not are refused in two lines, the second of which says what does the same", async () => {
  const said = await saidTo(Object.keys(refused));
  const seen = Object.keys(refused).map((line, index) => {
    const { stdout = "", stderr = "", exitCode } = said[index] ?? {};
    const [message = "", hint, ...rest] = stderr.split("\n");
    return [line, stdout, /^✖ .*[.?] \[USAGE\]$/.test(message) ? "USAGE" : message, hint, rest, exitCode];
  });
  expect(seen).toEqual(Object.entries(refused).map(([line, hint]) => [line, "", "USAGE", `  ${hint}`, [""], 1]));
});

test("a setting by the name that a flag or another program has for it is meant, or asked about", async () => {
  const [set, shown, cpu] = await saidTo(["config set memory=8192", "config show", "up --cpu 2"]);
  expect(set?.stderr).toContain("memoryMiB is 8192");
  expect(shown?.stdout).toMatch(/^memoryMiB +8192 /m);
  expect(cpu?.stderr).toContain("--cpu is not an option of qn up; did you mean --cpus?");
});

/** The aliases of all commands that a person sees, with the words above them. */
async function otherWords(table: Table, above = ""): Promise<string[]> {
  const shown = Object.entries(table).filter(([, { hidden }]) => hidden !== true);
  const found = shown.map(async ([word, { aliases = [], load }]) => {
    const { command } = await load();
    const below = "commands" in command ? await otherWords(command.commands, `${word} `) : [];
    return [...aliases.map((alias) => `${above}${alias}`), ...below];
  });
  return (await Promise.all(found)).flat();
}
