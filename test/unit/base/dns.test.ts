/** DNS messages: what is read from a question, and how answers are written, byte by byte where it counts. */
import { expect, test } from "bun:test";
import {
  addressAnswer,
  answersTo,
  codeOf,
  cutTo,
  datagramBytesMax,
  failure,
  idOf,
  isCut,
  questionOf,
  withId,
} from "../../../src/base/dns.ts";
import { questionAbout, readAnswer } from "../../support/fake-dns.ts";

/** An OPT record that takes datagrams of this many bytes (RFC 6891, 6.1.2). */
function withOption(question: Buffer, bytes: number): Buffer {
  const message = Buffer.concat([question, Buffer.from([0, 0, 41, bytes >> 8, bytes & 0xff, 0, 0, 0, 0, 0, 0])]);
  message[11] = 1;
  return message;
}

test("a question is read in lower case, whatever was written", () => {
  expect(questionOf(questionAbout("WWW.Example.com", 28))).toEqual({ name: "www.example.com", type: 28, end: 33 });
});

test("what is no ordinary question is not read as one", () => {
  const question = questionAbout("a.test");
  const changed = (offset: number, value: number): Buffer => {
    const copy = Buffer.from(question);
    copy[offset] = value;
    return copy;
  };
  const answer = changed(2, 0x81);
  const update = changed(2, 0x29);
  const twoQuestions = changed(5, 2);
  const pointer = changed(12, 0xc0);
  const cutOff = question.subarray(0, -1);
  const endless = Buffer.concat([question.subarray(0, 12), Buffer.alloc(400, 1)]);
  for (const message of [answer, update, twoQuestions, pointer, cutOff, endless, Buffer.alloc(0), Buffer.alloc(12)]) {
    expect(questionOf(message)).toBeUndefined();
  }
});

test("an answer with addresses has those of the asked family", () => {
  const addresses = ["192.0.2.1", "2001:db8::1", "192.0.2.2"];
  const four = addressAnswer(questionAbout("a.test", 1, 7), addresses, 60);
  expect(readAnswer(four)).toEqual({ id: 7, isCut: false, code: 0, addresses: ["192.0.2.1", "192.0.2.2"] });
  const six = addressAnswer(questionAbout("a.test", 28, 7), addresses, 60);
  expect(Buffer.from(six).toString("hex")).toBe(
    "000781800001000100000000" + // number 7, answer, recursion asked and there, one question, one record
      "0161047465737400001c0001" + // a.test, AAAA
      "c00c001c00010000003c0010" + // the same name, AAAA, 60 seconds, 16 bytes
      "20010db8000000000000000000000001",
  );
});

test("every way to write an IPv6 address gives its 16 bytes, and what is none gives nothing", () => {
  const last16 = (address: string): string =>
    Buffer.from(addressAnswer(questionAbout("a", 28), [address], 1))
      .subarray(-16)
      .toString("hex");
  expect(last16("::1")).toBe("00000000000000000000000000000001");
  expect(last16("fe80::")).toBe("fe800000000000000000000000000000");
  expect(last16("::ffff:192.0.2.1")).toBe("00000000000000000000ffffc0000201");
  expect(last16("1:2:3:4:5:6:7:8")).toBe("00010002000300040005000600070008");
  const none = addressAnswer(questionAbout("a", 28), ["fe80::1%eth0", "nonsense", "1.2.3"], 1);
  expect(none).toHaveLength(questionAbout("a").length);
});

test("a name that has no such record is known nevertheless", () => {
  const answer = addressAnswer(questionAbout("a.test", 16), ["192.0.2.1"], 60);
  expect(readAnswer(answer)).toEqual({ id: 0x1234, isCut: false, code: 0, addresses: [] });
});

test("an answer belongs to its question by number, letters and direction", () => {
  const question = questionAbout("a.test", 1, 7);
  const answer = addressAnswer(question, ["192.0.2.1"], 60);
  expect(answersTo(question, answer)).toBe(true);
  expect(answersTo(question, question)).toBe(false);
  expect(answersTo(question, withId(answer, 8))).toBe(false);
  expect(answersTo(questionAbout("A.test", 1, 7), answer)).toBe(false);
  expect(answersTo(question, answer.subarray(0, 14))).toBe(false);
  expect(answersTo(Buffer.alloc(0), Buffer.alloc(0))).toBe(false);
});

test("an answer that is too long for a datagram is cut to its question", () => {
  const question = questionAbout("a.test");
  const answer = addressAnswer(
    question,
    Array.from({ length: 100 }, () => "192.0.2.1"),
    60,
  );
  expect(cutTo(answer, answer.length)).toEqual(answer);
  const cut = cutTo(answer, 512);
  expect(cut).toHaveLength(question.length);
  expect([isCut(answer), isCut(cut), idOf(cut), codeOf(cut)]).toEqual([false, true, 0x1234, 0]);
});

test("whoever asks says how long an answer may be, between 512 and 4096 bytes", () => {
  const question = questionAbout("a.test");
  expect([0, 1232, 65_535].map((bytes) => datagramBytesMax(withOption(question, bytes)))).toEqual([512, 1232, 4096]);
  expect(datagramBytesMax(question)).toBe(512);
});

test("a failure carries its code and the question", () => {
  expect(readAnswer(failure(questionAbout("a.test", 1, 9), 2))).toEqual({
    id: 9,
    isCut: false,
    code: 2,
    addresses: [],
  });
});
