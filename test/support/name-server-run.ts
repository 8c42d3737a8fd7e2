/** The agent's DNS as a program of its own, so that a test can see what it holds: whatever is asked has a long answer. */
import { serveNames } from "../../src/agent/names/dns-server.ts";

/** Far more than a question has. */
const answerBytes = 16_000;

/** What it says: its port, and then its troubles. */
export type Said = string;

const server = await serveNames(
  { hostname: "127.0.0.1", port: 0 },
  async (question) => Buffer.concat([question, Buffer.alloc(answerBytes)]),
  (text) => process.stdout.write(`${text}\n`),
);
process.stdout.write(`${server.port}\n`);
