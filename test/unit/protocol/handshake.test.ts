/** The proof of the boot's secret, and everything that is not one. */
import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { accept, confirm, handshakeLineBytesMax, respond } from "../../../src/protocol/handshake.ts";
import { failureOf } from "../../support/failures.ts";

const secret = Buffer.alloc(32, 7);
const otherSecret = Buffer.alloc(32, 8);
const agentNonce = "a1".repeat(32);
const hostNonce = Buffer.alloc(32, 0xb2);
const challenge = JSON.stringify({ qn: 1, nonce: agentNonce });

const wrongSecret = {
  code: "LINK_REFUSED",
  message: "The other side does not know this boot's secret.",
};
const notOurs = { code: "LINK_REFUSED", message: "The other side does not speak qn's handshake." };

/** The host's line for the challenge, as the agent gets it. */
function response(key: Uint8Array = secret): string {
  const { nonce, proof } = respond(challenge, key, hostNonce);
  return JSON.stringify({ nonce, proof });
}

test("both sides with the same secret accept each other", () => {
  const answer = respond(challenge, secret, hostNonce);
  const confirmation = confirm(JSON.stringify(answer), secret, agentNonce);
  accept(JSON.stringify(confirmation), secret, agentNonce, answer.nonce);
  const proofOf = (role: string): string =>
    createHmac("sha256", secret)
      .update(`qn gate 1\n${role}\n${agentNonce}\n${"b2".repeat(32)}`)
      .digest("hex");
  expect(answer).toEqual({ nonce: "b2".repeat(32), proof: proofOf("host"), agentNonce });
  expect(confirmation).toEqual({ proof: proofOf("agent") });
});

test("no line of the handshake holds the secret, and each fits into the longest one", () => {
  const lines = [challenge, response(), JSON.stringify(confirm(response(), secret, agentNonce))];
  expect(lines.filter((line) => line.includes(secret.toString("hex")))).toEqual([]);
  expect(lines.filter((line) => line.length > handshakeLineBytesMax)).toEqual([]);
});

test("a host with another secret is refused by the agent", async () => {
  expect(await failureOf(() => confirm(response(otherSecret), secret, agentNonce))).toEqual(wrongSecret);
});

test("an agent with another secret is refused by the host", async () => {
  const forged = JSON.stringify(confirm(response(otherSecret), otherSecret, agentNonce));
  expect(await failureOf(() => accept(forged, secret, agentNonce, "b2".repeat(32)))).toEqual(wrongSecret);
});

test("a proof counts whole: one that differs in any of its digits is refused", async () => {
  const { nonce, proof } = respond(challenge, secret, hostNonce);
  for (let at = 0; at < proof.length; at += 1) {
    const other = `${proof.slice(0, at)}${proof[at] === "0" ? "1" : "0"}${proof.slice(at + 1)}`;
    const failure = await failureOf(async () => confirm(JSON.stringify({ nonce, proof: other }), secret, agentNonce));
    expect([at, failure]).toEqual([at, wrongSecret]);
  }
});

test("a host's proof that is sent back as the agent's own is refused", async () => {
  const { nonce, proof } = respond(challenge, secret, hostNonce);
  expect(await failureOf(() => accept(JSON.stringify({ proof }), secret, agentNonce, nonce))).toEqual(wrongSecret);
});

test("an agent's proof that is sent back as a host's is refused", async () => {
  // A second connection to the same agent, whose challenge is answered with what the first one confirmed.
  const { proof } = confirm(response(), secret, agentNonce);
  const reflected = JSON.stringify({ nonce: "b2".repeat(32), proof });
  expect(await failureOf(() => confirm(reflected, secret, agentNonce))).toEqual(wrongSecret);
});

test("a proof for another challenge is refused", async () => {
  expect(await failureOf(() => confirm(response(), secret, "a2".repeat(32)))).toEqual(wrongSecret);
  const { proof } = confirm(response(), secret, agentNonce);
  const replayed = JSON.stringify({ proof });
  expect(await failureOf(() => accept(replayed, secret, agentNonce, "b3".repeat(32)))).toEqual(wrongSecret);
});

test("whatever is not a line of the handshake is refused with the same words", async () => {
  const proof = "0".repeat(64);
  const attempts: readonly (() => unknown)[] = [
    ...["", "{]", "null", "[]", '"text"', "SSH-2.0-OpenSSH_9.2", "GET / HTTP/1.1", "{}"].flatMap((line) => [
      () => respond(line, secret, hostNonce),
      () => confirm(line, secret, agentNonce),
      () => accept(line, secret, agentNonce, agentNonce),
    ]),
    () => respond(JSON.stringify({ qn: 2, nonce: agentNonce }), secret, hostNonce),
    () => respond(JSON.stringify({ qn: 1, nonce: agentNonce.slice(2) }), secret, hostNonce),
    () => respond(JSON.stringify({ qn: 1, nonce: agentNonce.toUpperCase() }), secret, hostNonce),
    () => respond(JSON.stringify({ qn: 1, nonce: `${agentNonce}\n` }), secret, hostNonce),
    () => respond(JSON.stringify({ qn: 1, nonce: 7 }), secret, hostNonce),
    ...["", proof.slice(1), `${proof}0`, `${proof}\n`, "é".repeat(64), 0, null].flatMap((wrong) => [
      () => confirm(JSON.stringify({ nonce: agentNonce, proof: wrong }), secret, agentNonce),
      () => confirm(JSON.stringify({ nonce: wrong, proof }), secret, agentNonce),
      () => accept(JSON.stringify({ proof: wrong }), secret, agentNonce, agentNonce),
    ]),
  ];
  for (const attempt of attempts) expect(await failureOf(attempt)).toEqual(notOurs);
});
