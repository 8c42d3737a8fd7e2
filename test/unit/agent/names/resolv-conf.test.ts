/** What becomes of the guest's resolv.conf. */
import { expect, test } from "bun:test";
import { completedAs } from "../../../../src/agent/names/resolv-conf.ts";

test("the search list and options are the host's, the servers stay, and what the host has no more goes", () => {
  const own = "# made by qn\nnameserver 10.0.2.3\n";
  const whole = "# made by qn\nnameserver 10.0.2.3\nsearch corp.test lan\noptions ndots:2 rotate\n";
  expect(completedAs(own, { search: ["corp.test", "lan"], options: ["ndots:2", "rotate"] })).toBe(whole);
  expect(completedAs(`domain old\n${whole}`, { search: ["corp.test", "lan"], options: ["ndots:2", "rotate"] })).toBe(
    whole,
  );
  expect(completedAs(whole, { search: [], options: [] })).toBe(own);
});
