/** Docker's answers, of which root in a guest writes what it likes. */
import { expect, test } from "bun:test";
import { ValiError } from "valibot";
import {
  parseAsked,
  parseDetails,
  parseListed,
  parseRunning,
  parseServices,
} from "../../../src/system/docker-views.ts";

const lists = { parseListed, parseRunning, parseServices };
const objects = { parseAsked, parseDetails };

function faultsOf(parse: (answer: unknown) => unknown, answer: unknown): number {
  try {
    parse(answer);
  } catch (error) {
    if (error instanceof ValiError) return error.issues.length;
    throw error;
  }
  return 0;
}

test("an answer that is wrong in many places is told of the first", () => {
  const many = Array.from({ length: 100 }, () => ({}));
  const faults = [
    ...Object.entries(lists).map(([name, parse]) => [name, faultsOf(parse, many)]),
    ...Object.entries(objects).map(([name, parse]) => [
      name,
      faultsOf(parse, { HostConfig: { PortBindings: 1, Mounts: 1 } }),
    ]),
  ];
  expect(faults).toEqual([...Object.keys(lists), ...Object.keys(objects)].map((name) => [name, 1]));
});
