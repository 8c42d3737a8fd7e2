/** Settings that one process hands to another on the command line. */
import { expect, test } from "bun:test";
import { parseFlags } from "../../../../src/host/config/load.ts";
import { failureOf } from "../../../support/failures.ts";

test("the flags that one process hands to another arrive as they were given", () => {
  const flags = { cpus: 2, mounts: [{ path: "/srv", readOnly: true }], ports: { bind: "all" } as const };
  expect(parseFlags(JSON.stringify(flags))).toEqual(flags);
});

test("flags that are no settings are refused with their text", async () => {
  const wrong = ["", "{", "7", '{"cpus":0}', '{"cpu":1}'];
  for (const text of wrong) {
    const { code, message } = await failureOf(() => parseFlags(text));
    expect([code, message.startsWith(`The flags ${text} are no settings: `)]).toEqual(["CONFIG_INVALID", true]);
  }
});
