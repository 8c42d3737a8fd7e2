/** What leaves a machine in a report, and what does not. */
import { expect, test } from "bun:test";
import { type Private, redact, redactAll } from "../../../../src/host/doctor/redact.ts";

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

/** Lines of logs, each with the secret in it. */
const secretLines: readonly (readonly [line: string, secrets: readonly string[]])[] = [
  ["DB_PASSWORD=x1y2,z3w4;v5u6&t7", ["x1y2", "z3w4", "v5u6", "t7"]],
  ["password: my long phrase", ["my", "long", "phrase"]],
  ['DOCKER_AUTH_CONFIG={"auths":{"r.test":{"auth":"dXNlcjpw"}}}', ["dXNlcjpw"]],
  [String.raw`{"env":"{\"auth\":\"dXNlcjpw\",\"x\":1}"}`, ["dXNlcjpw"]],
  [String.raw`"{\"a\":\"{\\\"token\\\":\\\"t0p\\\"}\"}"`, ["t0p"]],
  ['{"password":"a\\"b,c"}', ['a\\"b,c']],
  ["docker login --username ann --password hunter2 r.test", ["hunter2"]],
  ["tool --token=abc --api-key def", ["abc", "def"]],
  ["mysql -uroot -phunter2 db", ["hunter2"]],
  ["docker login -u ann -p hunter2 r.test", ["hunter2"]],
  ["curl -u ann:hunter2 https://r.test", ["hunter2"]],
  ["git clone https://ghp_x1@github.test/a/b", ["ghp_x1"]],
  ["https://ann:pa:ss@w0rd@r.test/v2", ["pa:ss", "w0rd"]],
  ["Authorization: Digest username=ann, response=abc123", ["abc123"]],
  ["X-Registry-Auth: eyJ1c2VyIjoiYW5uIn0", ["eyJ1"]],
  ["Set-Cookie: session=s3ss10n; Path=/", ["s3ss10n"]],
  [`fatal: ghp_${"a1".repeat(18)} is revoked`, ["a1a1"]],
  ["got eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl back", ["c2lnbmF0dXJl", "eyJhbG"]],
  ["AWS_SECRET_ACCESS_KEY = wJalrXUt/nFEMI", ["wJalrXUt", "nFEMI"]],
];

test("a secret goes whole, whatever comes before it, behind it and around it", () => {
  for (const [line, secrets] of secretLines) {
    const clean = redact(line, ann);
    for (const secret of secrets) expect([line, secret, clean.includes(secret)]).toEqual([line, secret, false]);
  }
});

test("of JSON each text is cleaned by itself, and it stays JSON", () => {
  const value = {
    reason: 'password: a"b',
    ports: [{ error: "https://t0p@r.test" }],
    "token=x": 1,
    up: true,
    none: null,
  };
  expect(redactAll(value, ann)).toEqual({
    reason: "password: [secret]",
    ports: [{ error: "https://[secret]@r.test" }],
    "token=[secret]": 1,
    up: true,
    none: null,
  });
});

test("options and addresses that are no secrets stay", () => {
  for (const line of [
    "docker run -p 8080:80 -p127.0.0.1:81:81/udp -p 53:53/udp web",
    "mkdir -p /a/b",
    "unix:///home/x/docker.sock http://192.0.2.1:2375/v1.45",
    "a pass over 3 ports; 2 passed, 1 failed",
    "container web is healthy: 2 of 2",
  ]) {
    expect(redact(line, ann)).toBe(line);
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

test("a quarter of a megabyte that was made to be slow is looked through in time", () => {
  const bytes = 256 * 1024;
  const slow = [
    "x",
    "a-",
    "token_",
    "token ",
    'token="',
    "token='\\",
    "login ",
    " -u",
    "eyJ-",
    "eyJaaaaaaaa.",
    "a://",
    "-----BEGIN ",
  ];
  for (const piece of slow) {
    // The processor's time, which a busy machine does not stretch.
    const before = process.cpuUsage();
    redact(piece.repeat(bytes / piece.length), ann);
    expect([piece, process.cpuUsage(before).user < 2_000_000]).toEqual([piece, true]);
  }
});
