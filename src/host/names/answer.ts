/** Answers the guest's questions with what the host's own resolver says, as of now. */
import { stat } from "node:fs/promises";
import { addressAnswer, codeOf, failure, questionOf, recordType, responseCode } from "../../base/dns.ts";
import { messageOf } from "../../base/errors.ts";
import { slirp } from "../../protocol/messages.ts";
import { askServer } from "../../system/dns.ts";
import { readTextIfThere } from "../../system/files.ts";
import { run } from "../../system/process.ts";
import type { Environment } from "../vm/settings.ts";
import { hostsIn, type Resolver, resolversIn, resolversOfScutil, serversFor } from "./resolvers.ts";

/** Answers one question. Never throws: a question that nobody answers is answered with that. */
export type Answerer = (question: Uint8Array) => Promise<Uint8Array>;

/** Questions being answered at once, whoever asks; each has a socket of its own. */
export const answeredAtOnce = 512;

/** How long one server may take before the next is asked, and how many are asked: resolv.conf(5) has three. */
const serverMs = 3_000;
const serversMax = 3;

/** How long a name of the hosts file may be remembered, in seconds: people edit it and try at once. */
const hostsTtlS = 1;

/** How old macOS's resolvers may be: asking for them starts a program. */
const scutilAgeMs = 5_000;

/** The file that says whom to ask and how names are completed. */
export function resolvConfOf(env: Environment): string {
  return env["QN_RESOLV_CONF"] ?? "/etc/resolv.conf";
}

/** What answers a guest with this `network.reach`: where that is none, what it asks for would leave by a question. */
export function answererFor(reach: "all" | "none", env: Environment, log: (text: string) => void): Answerer {
  return reach === "none" ? async (question) => failure(question, responseCode.refused) : hostAnswerer(env, log);
}

// --- internal ---

/**
 * Makes what answers for this host. Its files are looked at with each question, and read again when they are other
 * ones: a VPN that comes up changes them. For tests QN_RESOLV_CONF and QN_HOSTS name other files.
 */
function hostAnswerer(env: Environment, log: (text: string) => void): Answerer {
  const hosts = fileReader(env["QN_HOSTS"] ?? "/etc/hosts", (text) => hostsIn(text, slirp.host));
  const ownFile = env["QN_RESOLV_CONF"];
  const isMac = process.platform === "darwin" && ownFile === undefined;
  const resolvers = isMac ? scutilReader() : fileReader(resolvConfOf(env), resolversIn);
  let underWay = 0;
  const answer: Answerer = async (message) => {
    const question = questionOf(message);
    if (question === undefined) return failure(message, responseCode.notImplemented);
    try {
      const isAddress = question.type === recordType.a || question.type === recordType.aaaa;
      const known = isAddress ? (await hosts()).get(question.name) : undefined;
      if (known !== undefined) return addressAnswer(message, known, hostsTtlS);
      return await askInTurn(message, serversFor(question.name, await resolvers()));
    } catch (error) {
      log(`names: ${messageOf(error)}`);
      return failure(message, responseCode.serverFailure);
    }
  };
  return async (message) => {
    // A stream reads no more than this either; a guest may begin one after the other.
    if (underWay >= answeredAtOnce) return failure(message, responseCode.serverFailure);
    underWay += 1;
    try {
      return await answer(message);
    } finally {
      underWay -= 1;
    }
  };
}

/** Codes after which the next server is asked, as the C library does. */
const unwilling: readonly number[] = [responseCode.serverFailure, responseCode.notImplemented, responseCode.refused];

/** The first answer that says something; an unwilling one only when there is no other. */
async function askInTurn(question: Uint8Array, servers: Resolver["servers"]): Promise<Uint8Array> {
  let answer: Uint8Array | undefined;
  for (const server of servers.slice(0, serversMax)) {
    const found = await askServer(server, question, serverMs).catch(() => undefined);
    if (found !== undefined && !unwilling.includes(codeOf(found))) return found;
    answer ??= found;
  }
  return answer ?? failure(question, responseCode.serverFailure);
}

/** Reads a file when it is another one than before: by inode, size and time. */
function fileReader<Value>(path: string, parse: (text: string) => Value): () => Promise<Value> {
  let last: { readonly key: string; readonly value: Value } | undefined;
  return async () => {
    const stats = await stat(path).catch(() => undefined);
    const key = `${stats?.ino} ${stats?.size} ${stats?.mtimeMs} ${stats?.ctimeMs}`;
    if (last?.key !== key) last = { key, value: parse((await readTextIfThere(path)) ?? "") };
    return last.value;
  };
}

/**
 * macOS keeps its resolvers in no file: /etc/resolv.conf has but the ordinary ones, without those of a VPN's domains.
 */
function scutilReader(): () => Promise<readonly Resolver[]> {
  let last: { readonly atMs: number; readonly value: readonly Resolver[] } | undefined;
  return async () => {
    const nowMs = performance.now();
    if (last === undefined || nowMs - last.atMs > scutilAgeMs) {
      last = { atMs: nowMs, value: resolversOfScutil((await run(["scutil", "--dns"])).stdout) };
    }
    return last.value;
  };
}
