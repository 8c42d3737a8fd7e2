/** Every parser that reads a guest's or a stranger's bytes, with what it starts from and what must hold whatever comes. */
import { callOf } from "../../src/agent/docker/call.ts";
import {
  addressAnswer,
  answersTo,
  codeOf,
  cutTo,
  datagramBytesMax,
  failure,
  isCut,
  questionOf,
} from "../../src/base/dns.ts";
import { QnError } from "../../src/base/errors.ts";
import { canonicalIp } from "../../src/base/ip.ts";
import { plain, plainJson, plainLines } from "../../src/base/plain.ts";
import { readReason } from "../../src/host/cp/copy-errors.ts";
import { whyNotAlone } from "../../src/host/image/qcow2.ts";
import { parseMessage } from "../../src/host/qmp/wire.ts";
import { DatagramReader, encodeDatagram } from "../../src/protocol/datagram.ts";
import { encode, LineReader } from "../../src/protocol/frame.ts";
import { accept, confirm, handshakeLineBytesMax, respond } from "../../src/protocol/handshake.ts";
import { parseAgentMessage, parseBoot, parseHostMessage } from "../../src/protocol/messages.ts";
import { PieceReader, pieces } from "../../src/protocol/piece.ts";
import { parseOpen, parseOpened, parseReady } from "../../src/protocol/stream-request.ts";
import type { Chance } from "./chance.ts";
import { virtiofsTargets } from "./fuzz-virtiofs.ts";
import { qcow2Head } from "./qcow2.ts";

/** Where it starts, and one try with some bytes. Throws when something does not hold; a refusal of qn's is none. */
export type FuzzTarget = {
  readonly seeds: readonly Uint8Array[];
  readonly take: (bytes: Uint8Array, chance: Chance) => void;
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const lines = (...messages: readonly unknown[]): Uint8Array[] =>
  messages.map((message) => Buffer.from(encode(message)));

/** The same bytes in parts that chance cuts. */
function parts(bytes: Uint8Array, chance: Chance): Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = 1 + chance.below(Math.max(1, bytes.length - at));
    cut.push(bytes.subarray(at, at + length));
    at += length;
  }
  return cut;
}

/** What an action gives back, or the code of its refusal; whatever else is thrown is a fault. */
function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    if (error instanceof QnError && (error.code === "PROTOCOL" || error.code === "LINK_REFUSED")) return error.code;
    throw error;
  }
}

function expectSame(one: unknown, other: unknown, what: string): void {
  if (!Bun.deepEquals(one, other)) throw new Error(`${what}: ${Bun.inspect(one)} is not ${Bun.inspect(other)}`);
}

/** What stands in the format's description, of all bytes at once. */
function piecesIn(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let own = "";
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = view.getUint32(at);
    if (length === 0) return [own, true];
    if (length > 0xff_ff_ff) return "PROTOCOL";
    own += Buffer.from(bytes.subarray(at + 4, at + 4 + length)).toString("hex");
    at += 4 + length;
  }
  return [own, false];
}

/** A parser of one line: it refuses in words, and what it lets through it lets through again. */
function lineTarget(parse: (line: string) => unknown, seeds: readonly unknown[]): FuzzTarget {
  return {
    seeds: lines(...seeds),
    take(bytes) {
      const parsed = outcome(() => parse(text(bytes)));
      if (typeof parsed === "object" && parsed !== null) {
        expectSame(
          outcome(() => parse(JSON.stringify(parsed))),
          parsed,
          "read again",
        );
      }
    },
  };
}

const secret = Buffer.alloc(32, 7);
const nonce = "ab".repeat(32);
const published = { protocol: "tcp", hostIp: "0.0.0.0", hostPort: 80, containerId: "c1", container: "web" };
const boot = {
  secret: nonce,
  vm: "web",
  hostPorts: [1, 2],
  user: { name: "ann", uid: 1000, gid: 1000, sshKeys: ["k"] },
  shares: [{ tag: "qn0", path: "/home/ann", readOnly: false, folder: "/home/ann" }],
  sshHostKey: "key",
  home: "/home/ann/.qn",
  dockerSocket: "/home/ann/.qn/web/docker.sock",
};
const dnsQuestion = Buffer.from("00010100000100000000000003777777076578616d706c6503636f6d0000010001", "hex");
const dnsPointer = Buffer.from("000201000001000000000000c00c00010001", "hex");

/** By name; the name is also that of the folder of its corpus in test/fixtures/fuzz. */
export const fuzzTargets: Readonly<Record<string, FuzzTarget>> = {
  ...virtiofsTargets,
  "gate-line": {
    seeds: lines(
      { open: "docker" },
      { open: "port", protocol: "tcp", hostIp: "", hostPort: 80, reuse: true },
      { ok: true },
      { ready: true },
    ),
    take(bytes, chance) {
      const read = (some: readonly Uint8Array[]): unknown =>
        outcome(() => {
          const reader = new LineReader(handshakeLineBytesMax);
          return some.flatMap((part) => [...reader.cut(part)]);
        });
      expectSame(read(parts(bytes, chance)), read(parts(bytes, chance)), "lines that are cut elsewhere");
      for (const parse of [parseOpen, parseOpened, parseReady]) outcome(() => parse(text(bytes)));
    },
  },
  handshake: {
    seeds: lines({ qn: 1, nonce }, { nonce, proof: nonce }, { proof: nonce }),
    take(bytes) {
      outcome(() => respond(text(bytes), secret, secret));
      if (typeof outcome(() => confirm(text(bytes), secret, nonce)) === "object")
        throw new Error("A stranger is let in.");
      if (outcome(() => accept(text(bytes), secret, nonce, nonce)) === undefined)
        throw new Error("A stranger is believed.");
    },
  },
  piece: {
    seeds: [Buffer.concat([...pieces.encode(Buffer.from("hello")), pieces.end]), pieces.end],
    take(bytes, chance) {
      const read = (): unknown =>
        outcome(() => {
          const reader = new PieceReader();
          const own = parts(bytes, chance).flatMap((part) => (reader.isOver ? [] : reader.push(part)));
          return [Buffer.concat(own).toString("hex"), reader.isOver];
        });
      expectSame(read(), piecesIn(bytes), "pieces that are cut elsewhere");
    },
  },
  datagram: {
    seeds: [Buffer.concat([encodeDatagram(Buffer.from("one")), encodeDatagram(new Uint8Array())])],
    take(bytes, chance) {
      const read = (): string[] => {
        const reader = new DatagramReader();
        return parts(bytes, chance).flatMap((part) =>
          reader.push(part).map((each) => Buffer.from(each).toString("hex")),
        );
      };
      expectSame(read(), read(), "datagrams that are cut elsewhere");
    },
  },
  "agent-message": lineTarget(parseAgentMessage, [
    { type: "hello", protocol: 2, version: "1", arch: "x86_64", capabilities: ["lanes"] },
    { type: "ports", report: 1, ports: [published], choosing: true },
    { type: "mounts", sources: ["/home/ann"], ask: 1 },
    { type: "provision", steps: [{ state: "failed", status: 1, last: "x" }] },
    { type: "clock", asked: 1 },
    { type: "memory", answers: 1, usedBytes: 1 },
    { type: "use", answers: 1, use: "web runs" },
    { type: "calm", answers: 1 },
    { type: "log", text: "x" },
  ]),
  "host-message": lineTarget(parseHostMessage, [
    { type: "served", report: 1, failed: [{ protocol: "tcp", hostIp: "", hostPort: 1, reason: "x" }], taken: [1] },
    { type: "changes", there: ["/a"], gone: [], folders: [], files: [], answers: 1 },
    { type: "lanes", ports: ["qn.lane.0"], token: nonce },
    { type: "clock", answer: { asked: 1, nowMs: 2 } },
    { type: "memory", ask: 1 },
    { type: "use", ask: 1 },
    { type: "calm", ask: 1 },
  ]),
  credential: lineTarget(parseBoot, [
    boot,
    { ...boot, provision: [{ run: "x", when: "boot" }], proxy: { http_proxy: "x" } },
  ]),
  dns: {
    seeds: [
      dnsQuestion,
      dnsPointer,
      addressAnswer(dnsQuestion, ["192.0.2.1", "2001:db8::1"], 60),
      failure(dnsQuestion, 2),
    ],
    take(bytes) {
      const question = questionOf(bytes);
      if (question !== undefined && question.end > bytes.length) throw new Error("A question goes beyond its message.");
      for (const action of [codeOf, isCut, datagramBytesMax]) action(bytes);
      answersTo(bytes, dnsQuestion);
      answersTo(dnsQuestion, bytes);
      if (cutTo(bytes, 100).length > Math.max(100, bytes.length)) throw new Error("What is cut has grown.");
      if (question === undefined) return;
      for (const answer of [addressAnswer(bytes, ["192.0.2.1"], 1), failure(bytes, 2)]) {
        if (!answersTo(bytes, answer)) throw new Error("An answer does not answer.");
      }
    },
  },
  "plugin-call": {
    seeds: [
      Buffer.from('POST\n/v1.45/containers/create?name=x\n{"HostConfig":{"Binds":["/a:/b"],"Mounts":[]}}'),
      Buffer.from("POST\n/containers%2fab/start\nnull"),
      Buffer.from("DELETE\n/v1.45/containers/ab?force=1\n{}"),
    ],
    take(bytes) {
      const [method = "", uri = "", json = ""] = text(bytes).split("\n");
      let body: unknown;
      try {
        body = JSON.parse(json);
      } catch {
        body = undefined;
      }
      const call = callOf({ method, uri, body });
      if (call.kind === "create") outcome(() => call.mounts());
    },
  },
  qmp: {
    seeds: lines(
      { QMP: { version: {} } },
      { return: {}, id: 1 },
      { error: { class: "x", desc: "y" }, id: 1 },
      { event: "STOP", timestamp: { seconds: 1 } },
    ),
    take: (bytes) => void outcome(() => parseMessage(text(bytes))),
  },
  "copy-reason": {
    seeds: [Buffer.from("qn-cp: no-source\ntar: x\n"), Buffer.from("warning\nqn-cp: special")],
    take(bytes) {
      for (const line of readReason(text(bytes)).said) plain(line);
    },
  },
  "qcow2-head": {
    seeds: [qcow2Head(), qcow2Head({ backing: "/etc/shadow" })],
    take(bytes) {
      if (whyNotAlone(bytes) !== undefined) return;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const isV3 = view.getUint32(4) === 3;
      const isOther =
        view.getBigUint64(8) !== 0n || view.getUint32(32) !== 0 || (isV3 && (view.getBigUint64(72) & 4n) !== 0n);
      if (isOther) throw new Error("A disk that is not only itself is taken.");
    },
  },
  words: {
    seeds: [
      Buffer.from("a\u001b]0;x\u0007\u009b\u202e\r\n"),
      Buffer.from("::ffff:127.0.0.1"),
      Buffer.from("10.0.2.15"),
    ],
    take(bytes) {
      const said = text(bytes);
      if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(plain(said) + plainLines(said).replaceAll(/[\n\t]/g, ""))) {
        throw new Error("A terminal would obey it.");
      }
      expectSame(JSON.parse(plainJson(JSON.stringify(said))), said, "JSON made plain");
      const address = canonicalIp(said);
      if (address !== undefined) expectSame(canonicalIp(address), address, "an address in its one form");
    },
  },
};
