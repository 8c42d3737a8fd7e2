/** Mistakes on the command line, refused before anything runs. */
import { expect, test } from "bun:test";
import { runCommand } from "citty";
import { amount, defineCommand, jsonArg, vmArg, wholeNumber, wordsBehindDashes } from "../../../src/cli/command.ts";
import { failureOf } from "../../support/failures.ts";

/** Runs a command line through a command that has one of each kind of argument; what it was given, when it ran. */
async function given(words: readonly string[], passthrough = false): Promise<Record<string, unknown> | undefined> {
  let ran: Record<string, unknown> | undefined;
  const sample = defineCommand({
    passthrough,
    args: {
      vm: vmArg,
      json: jsonArg,
      "dry-run": { type: "boolean" },
      follow: { type: "boolean", alias: "f" },
      cpus: { type: "string" },
    },
    async run({ args }) {
      const { vm, json, follow, cpus } = args;
      ran = { vm, json, dryRun: args["dry-run"], follow, cpus };
    },
  });
  await runCommand({ ...sample, meta: { name: "sample" } }, { rawArgs: [...words] });
  return ran;
}

const nothing = { vm: "default", json: undefined, dryRun: undefined, follow: undefined, cpus: undefined };

test("flags and the name of a VM come in any order and spelling", async () => {
  expect(await given([])).toEqual(nothing);
  const full = { vm: "web", json: true, dryRun: true, follow: true, cpus: "2" };
  expect(await given(["web", "--json", "--dry-run", "-f", "--cpus", "2"])).toEqual(full);
  expect(await given(["--cpus=2", "--follow", "--dryRun", "--json", "web"])).toEqual(full);
});

test("every mistake of one line is named, with the flag that was probably meant", async () => {
  expect(await failureOf(() => given(["web", "extra", "--jsn", "--cpu", "2", "-x", "--cpus="]))).toEqual({
    code: "USAGE",
    message:
      '--jsn is not an option of qn sample; did you mean --json?; --cpu is not an option of qn sample; did you mean --cpus?; -x is not an option of qn sample; --cpus needs a value; "extra 2" is one argument too many.',
  });
});

test("what stands behind -- is looked at only by a command that passes it on", async () => {
  expect(await given(["web", "--", "ls", "--all"], true)).toMatchObject({ vm: "web" });
  expect((await failureOf(() => given(["web", "--", "ls"]))).message).toBe('"ls" is one argument too many.');
});

test("the words behind -- are taken as they are, a second -- too", () => {
  expect(wordsBehindDashes(["web", "--", "sh", "-c", "a b", "--", "c"])).toEqual(["sh", "-c", "a b", "--", "c"]);
  expect([wordsBehindDashes(["web"]), wordsBehindDashes(["web", "--"])]).toEqual([undefined, []]);
});

test("a number on the command line is whole, above zero and written in digits", async () => {
  expect([wholeNumber("cpus", undefined), wholeNumber("cpus", "1"), wholeNumber("cpus", "012")]).toEqual([
    undefined,
    1,
    12,
  ]);
  for (const text of ["", "0", "00", "-1", "1.5", "two", "1e3", "0x10", " 1", "٣"]) {
    expect(await failureOf(() => wholeNumber("cpus", text))).toEqual({
      code: "USAGE",
      message: `--cpus is "${text}", which is not a whole number above zero.`,
    });
  }
});

test("an amount may have a unit, and so few MiB that GiB must be meant are asked about", async () => {
  const taken = (["8G", "8GiB", "8gb", "8192", "8192m", "1.5g"] as const).map((text) =>
    amount("--memory", "MiB", text),
  );
  expect(taken).toEqual([8192, 8192, 8192, 8192, 8192, 1536]);
  expect([amount("--disk", "GiB", "100"), amount("--disk", "GiB", "1T"), amount("--disk", "GiB", undefined)]).toEqual([
    100,
    1024,
    undefined,
  ]);
  for (const text of ["", "G", "8X", "-1", "0", "1.5", "100M"]) {
    expect(await failureOf(() => amount("--disk", "GiB", text))).toMatchObject({ code: "USAGE" });
  }
  expect(await failureOf(() => amount("--memory", "MiB", "4"))).toEqual({
    code: "USAGE",
    message: '--memory is "4", which is 4 MiB.',
  });
});
