/** What a host's resolv.conf says of how names are completed. */
import { expect, test } from "bun:test";
import { searchIn } from "../../../../src/host/names/search.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import { parseHostMessage } from "../../../../src/protocol/messages.ts";

test("of search and domain the last counts, options add up, and what is neither is left out", () => {
  const text =
    "domain old.test\nsearch corp.test lan. .\nnameserver 192.0.2.1\n options ndots:2 rotate\noptions timeout:1 rotate\n";
  expect(searchIn(text)).toEqual({ search: ["corp.test", "lan."], options: ["ndots:2", "rotate", "timeout:1"] });
  expect(searchIn("search a.test\ndomain b.test")).toEqual({ search: ["b.test"], options: [] });
  expect(searchIn("# search a\nsearch")).toEqual({ search: [], options: [] });
  expect(searchIn(`search a;b x$y ${"z".repeat(300)} ok\noptions A=b ndots:x edns0`)).toEqual({
    search: ["ok"],
    options: ["edns0"],
  });
});

test("whatever a resolv.conf says, the guest takes the message; what is no word of one is refused there", () => {
  const words = Array.from({ length: 100 }, (_, index) => `d${index}.test`).join(" ");
  const message = { type: "names", ...searchIn(`search ${words}\noptions ${words.replaceAll(".test", "")}`) } as const;
  expect(message.search).toHaveLength(32);
  const line = (each: object): string => encode(each).trim();
  expect(parseHostMessage(line(message))).toEqual(message);
  expect(() => parseHostMessage(line({ ...message, search: ["a\nnameserver 192.0.2.66"] }))).toThrow("search.0");
});
