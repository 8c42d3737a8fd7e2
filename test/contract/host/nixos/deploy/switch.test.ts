/** The host's side of a switch: what is kept and what is not, with a guest that answers as it is told. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { layoutOf } from "../../../../../src/host/layout.ts";
import type { DeployGuest } from "../../../../../src/host/nixos/deploy/guest-script.ts";
import { switchSystem } from "../../../../../src/host/nixos/deploy/switch.ts";
import type { Outcome } from "../../../../../src/system/process.ts";
import { failureOf } from "../../../../support/failures.ts";
import { type FakeVm, fakeVm, programsMs } from "../../../../support/fake-vm.ts";
import { tempHome } from "../../../../support/temp-home.ts";

/** What a guest answers: a text, or the status with which it fails; nothing said is "", and all went well. */
type Answers = Readonly<Record<string, string | number>>;

const back: Answers = { outcome: "rollback: it was not well within 1 s\n0", "await rollback": "0\n" };
const well: Answers = { "await switch": "0\n" };

/** A VM whose Docker answers, for all of these. */
let vm: FakeVm;
beforeAll(async () => {
  vm = await fakeVm("boots");
  await vm.up();
}, programsMs);
afterAll(() => vm[Symbol.asyncDispose](), programsMs);

/** Switches a guest that answers so; without Docker it is one that does not run. What it was asked, each once in a row. */
async function switched(answers: Answers, { hasDocker = true, signal = new AbortController().signal } = {}) {
  await using home = await tempHome({ images: false });
  const paths = hasDocker ? vm.paths : layoutOf(home.path).vm("default");
  await mkdir(paths.folder, { recursive: true });
  const asked: string[] = [];
  const attempt = async (words: readonly string[]): Promise<Outcome> => {
    const question = words.slice(0, words[0] === "begin" ? 1 : 2).join(" ");
    if (asked.at(-1) !== question) asked.push(question);
    const answer = answers[question] ?? "";
    if (typeof answer === "string") return { exitCode: 0, signal: undefined, stdout: answer, stderr: "" };
    return { exitCode: answer, signal: undefined, stdout: "", stderr: "qn-deploy: too-late\n" };
  };
  const guest: DeployGuest = { attempt, call: async (words) => (await attempt(words)).stdout };
  const system = { path: "/nix/store/x-nixos-system" };
  const options = { paths, env: vm.env, guest, system, deadlineS: 1, onPhase: () => {}, signal };
  const outcome = await switchSystem(options).then(
    () => "kept",
    async (error: unknown) => await failureOf(() => Promise.reject(error)),
  );
  return { asked, outcome };
}

test("a system that is found well is kept, and only then", async () => {
  expect(await switched(well)).toEqual({ asked: ["begin", "await switch", "well", "commit"], outcome: "kept" });
});

const notKept: Readonly<Record<string, readonly [Answers, boolean?]>> = {
  "whose switch fails": [{ ...back, "await switch": "4\n" }],
  "whose switch is killed": [{ ...back, "await switch": "none\n" }],
  "whose agent never comes": [{ ...well, ...back, well: 3 }],
  "whose Docker never answers": [{ ...well, ...back }, false],
};

for (const [what, [answers, hasDocker = true]] of Object.entries(notKept)) {
  test(`a system ${what} is never kept, and the guest's own reason is said`, async () => {
    const { asked, outcome } = await switched(answers, { hasDocker });
    expect(asked).not.toContain("commit");
    expect(outcome).toMatchObject({
      code: "DEPLOY_ROLLED_BACK",
      message:
        '/nix/store/x-nixos-system was not kept: it was not well within 1 s. The guest of "default" has gone back.',
    });
  });
}

test("a system that was well too late has gone back", async () => {
  const { outcome } = await switched({ ...well, ...back, commit: 9 });
  expect(outcome).toMatchObject({ code: "DEPLOY_ROLLED_BACK" });
});

test("a deployment that is called off is called off in the guest, and keeps nothing", async () => {
  const { asked, outcome } = await switched({ ...well, ...back }, { signal: AbortSignal.abort() });
  expect(asked.slice(0, 2)).toEqual(["begin", "call-off"]);
  expect([asked.includes("commit"), outcome]).toEqual([false, expect.objectContaining({ code: "INTERRUPTED" })]);
});
