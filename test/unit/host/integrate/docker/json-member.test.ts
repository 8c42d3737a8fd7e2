/** One member of somebody else's JSON file, changed without touching a byte of the rest. */
import { expect, test } from "bun:test";
import { memberOf, withMember, withoutMember } from "../../../../../src/host/integrate/docker/json-member.ts";

const name = "currentContext";

/** Files as the docker command, people and other programs write them; none has the member. */
const files = [
  "{}",
  "{ \n}\n",
  '{"auths":{}}',
  '{\n\t"auths": {\n\t\t"https://index.example/v1/": {\n\t\t\t"auth": "a\\"}{,:b"\n\t\t}\n\t},\n\t"credsStore": "pass"\n}',
  '{\r\n  "big": 12345678901234567890, "tiny": 1e-400, "list": [1, {"currentContext": "inner"}],\r\n  "__proto__": 1 }\r\n',
  '  {"proxies":{"default":{"currentContext":"no"}},"2":1,"1":2}',
];

test("what is put in and taken out again leaves the file as it was, to the byte", () => {
  for (const file of files) {
    const put = withMember(file, name, "qn");
    expect(JSON.parse(put)).toEqual({ ...JSON.parse(file), [name]: "qn" });
    expect([memberOf(file, name), memberOf(put, name)]).toEqual([undefined, "qn"]);
    expect(withoutMember(put, name)).toBe(file);
    expect(withoutMember(file, name)).toBe(file);
  }
});

test("a new member stands first, indented as the others are", () => {
  expect(withMember('{\n\t"auths": {}\n}', name, "qn")).toBe('{\n\t"currentContext": "qn",\n\t"auths": {}\n}');
  expect(withMember("", name, "qn")).toBe('{"currentContext":"qn"}\n');
});

test("a member that is there is changed where it stands, first, last, alone, and in other letters", () => {
  expect(withMember('{"a":1,"currentContext": "x" ,"b":2}', name, "qn")).toBe('{"a":1,"currentContext": "qn" ,"b":2}');
  expect(withMember('{"CurrentContext":""}', name, 'q"')).toBe('{"CurrentContext":"q\\""}');
  const without = (text: string) => withoutMember(text, name);
  expect(['{ "currentContext" : "x" , "b":2}', '{"a":[1] , "currentContext":"x" }'].map(without)).toEqual([
    '{ "b":2}',
    '{"a":[1] }',
  ]);
});

test("a file that is no JSON object, or has the member twice, is refused", () => {
  for (const text of [
    "{",
    "[]",
    "null",
    '"x"',
    '{"a":1,}',
    '{"currentContext":"a","currentcontext":"b"}',
    "\uFEFF{}",
  ]) {
    for (const change of [
      () => memberOf(text, name),
      () => withMember(text, name, "qn"),
      () => withoutMember(text, name),
    ]) {
      expect(change).toThrow();
    }
  }
});
