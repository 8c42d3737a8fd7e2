/** What leaves a machine in a report, and what does not. */
import { expect, test } from "bun:test";
import { type Private, redact } from "../../../../src/host/doctor/redact.ts";

const ann: Private = {
  homeFolder: "/home/ann",
  userName: "ann",
  hostName: "desk",
  secrets: ["5ecre7-of-the-boot", "short"],
  keepNames: false,
};

const secretText = [
  "boot 5ecre7-of-the-boot",
  `digest ${"ab".repeat(32)} and ${"AB".repeat(32)}`,
  'password: hunter2, "token": "t0p", API_KEY=abc123 DB_PASSWORD=x;y',
  "Authorization: Bearer eyJ.x.y",
  "https://ann:pa55@registry.example/v2",
  "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n-----END OPENSSH PRIVATE KEY-----",
  "-----BEGIN RSA PRIVATE KEY-----\ncut off",
].join("\n");

test("secrets go, whatever they are called, and stay gone when names are kept", () => {
  for (const keepNames of [false, true]) {
    const clean = redact(secretText, { ...ann, keepNames });
    for (const secret of [
      "5ecre7",
      "abab",
      "ABAB",
      "hunter2",
      "t0p",
      "abc123",
      "eyJ",
      "pa55",
      "AAAA",
      "BBBB",
      "cut off",
    ]) {
      expect([secret, clean.includes(secret)]).toEqual([secret, false]);
    }
  }
});

test("names of home folder, user and host go, and words that contain them stay", () => {
  const text = "/home/ann/.qn/default: ann@desk banned annex desktop short";
  expect(redact(text, ann)).toBe("~/.qn/default: [user]@[host] banned annex desktop short");
  expect(redact(text, { ...ann, keepNames: true })).toBe(text);
});

test("root is no name, and what is needed to find a fault stays", () => {
  const text = "root starts QEMU 7.2.22, pid 4711, port 40022 on 127.0.0.1; the key is wrong";
  expect(redact(text, { ...ann, userName: "root" })).toBe(text);
});
