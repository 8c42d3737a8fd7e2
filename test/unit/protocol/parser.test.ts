/** What a line may cost who reads it, whatever is in it. */
import { expect, test } from "bun:test";
import * as v from "valibot";
import { parserOf } from "../../../src/protocol/parser.ts";
import { failureOf } from "../../support/failures.ts";

/** A list of small numbers, and how many of its items were looked at. */
function lookedAt() {
  const looks = { count: 0 };
  const isSmall = (value: number): boolean => {
    looks.count += 1;
    return value < 3;
  };
  return { looks, parse: parserOf("list", v.array(v.pipe(v.number(), v.check(isSmall, "is large")))) };
}

test("a line that is wrong in many places is told of the first, and not read on", async () => {
  const { looks, parse } = lookedAt();
  expect(await failureOf(() => parse("[1,2,3,4,5]"))).toMatchObject({
    code: "PROTOCOL",
    message: 'The list is wrong at "2": is large.',
  });
  expect(looks.count).toBe(3);
});

test("a line with more lists and objects than anybody says is refused before any of it is read", async () => {
  const parse = parserOf("heap", v.array(v.unknown()));
  const heap = (count: number): string => `[${"[],".repeat(count - 2)}{}]`;
  expect(parse(heap(32_768))).toHaveLength(32_767);
  for (const line of [heap(32_769), "[".repeat(500_000), `{"a":`.repeat(100_000)]) {
    expect(await failureOf(() => parse(line))).toMatchObject({
      code: "PROTOCOL",
      message: "The heap has more than 32768 lists and objects.",
    });
  }
});
