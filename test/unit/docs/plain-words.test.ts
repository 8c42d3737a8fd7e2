/** Sentences that newcomers had to read twice: none is left in what users read, and the plainer one stands there. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { commandsPage } from "../../../scripts/support/commands-page.ts";
import { root } from "../../../src/cli/commands.ts";
import { helpLines } from "../../../src/cli/help.ts";
import { findCommand } from "../../../src/cli/tree.ts";

const repository = join(import.meta.dir, "../../..");
const read = (path: string): Promise<string> => Bun.file(join(repository, path)).text();

/** By where it stands: the sentence as it was, and as it is. */
const sentences: readonly (readonly [where: string, was: string, is: string])[] = [
  ["README.md", "hides the seam between the two", "in a VM that you never see"],
  [
    "README.md",
    "Programs that know `DOCKER_HOST` only",
    'For programs that ignore Docker contexts: `eval "$(qn env)"`',
  ],
  ["README.md", "made when there is none, and wait", "create (if needed) and start a VM; wait until Docker answers"],
  ["README.md", "the exit status is 3 when it does not run", "show a VM's state; exits 3 if it is not running"],
  [
    "README.md",
    "Find what keeps VMs from running",
    "check this machine and print a fix for each problem; exits 2 if there is one",
  ],
  ["help", "back by itself if", "roll back if the guest is not healthy then"],
  ["help", "a signal stops it", "Run in the foreground; Ctrl-C stops the VM"],
  ["help", "Give the boot this many seconds", "Give up after this many seconds (120 unless given, 600 when emulated)"],
  ["help", "the other of the two", "A path here if SOURCE is in a VM, VM:PATH otherwise"],
  ["help", "As scp has it", "Accepted for habit; folders are always copied whole"],
  ["help", "Take that back", "Undo `enable`"],
  ["help", "Take it back", "Remove the service; a VM that it runs is shut down"],
  ["help", "without asking the guest", "Kill it at once, like pulling the plug"],
  [
    "src/host/doctor/checks.ts",
    "Mend what it says",
    "Fix the above. Until then VMs are emulated: about 10 times slower.",
  ],
  ["src/host/doctor/checks.ts", "No socket is stale", "No stale sockets ("],
  ["src/host/vm/prepare.ts", "cannot be shown in the guest", "A folder cannot be mounted."],
  ["src/cli/commands/why.ts", "is no port; one looks like", "is not a port. Examples: 8080, 8080/tcp, 53/udp."],
  ["docs/errors.md", "stands in brackets", "is shown in brackets after the message"],
  ["docs/config.md", "| Counts |", "| Takes effect |"],
  ["docs/config.md", "is told of by", "`qn up` reports one that fails"],
  [
    "docs/files.md",
    "a path of Docker's socket",
    "`/var/run/docker.sock` or this VM's own `docker.sock`, also through a symlink",
  ],
  ["docs/security.md", "nothing but ordinary questions", "accepts only standard DNS queries"],
  ["CHANGELOG.md", "is silent for hours stays", "Idle connections stay open; dead peers are detected by TCP keepalive"],
];

async function text(where: string): Promise<string> {
  if (where !== "help") return (await read(where)).replaceAll(/\s+/g, " ");
  const whole = helpLines(root, await findCommand(root, []), 100).join("\n");
  return `${whole}\n${await commandsPage(root)}`.replaceAll(/\s+/g, " ");
}

for (const [where, , is] of sentences) {
  test(`${where} says: ${is}`, async () => {
    expect(await text(where)).toContain(is);
  });
}

test("none of the sentences that had to be read twice is left anywhere", async () => {
  const paths = ["README.md", "CHANGELOG.md", "SECURITY.md", "docs/**/*.md", "src/{cli,host}/**/*.ts"].flatMap(
    (pattern) => [...new Glob(pattern).scanSync(repository)],
  );
  const files = await Promise.all(
    paths.map(async (path) => [path, (await read(path)).replaceAll(/^\s*(\/?\*|\/\/).*$/gm, "")] as const),
  );
  const left = files.flatMap(([path, said]) =>
    // Decisions keep their date and their words; what the guest says of its own /tmp is no folder of the settings.
    path === "docs/decisions.md"
      ? []
      : sentences.filter(([, was]) => said.includes(was)).map(([, was]) => `${path}: ${was}`),
  );
  expect(left).toEqual([]);
  expect(paths.length).toBeGreaterThan(100);
});

test("doctor has the same words for people and for programs", async () => {
  const levels = /level: ((?:"\w+"(?: \| )?)+);/.exec(await read("src/host/doctor/checks.ts"))?.[1];
  expect(levels).toBe('"ok" | "warn" | "fail"');
  expect(await read("src/cli/terminal/doctor-lines.ts")).toContain("${level.padEnd(5)} ${check.padEnd(13)} ");
});
