/** Agents that are not of this qn. */
import { protocolVersion } from "../../src/protocol/messages.ts";

/** What agents of other versions say once they have proven themselves. */
export const otherWords: Readonly<Record<string, readonly object[]>> = {
  "newer-agent": [{ type: "hello", protocol: protocolVersion + 1, version: "9.0.0", newer: true }],
  "older-agent": [
    { type: "hello", protocol: protocolVersion - 1, version: "0.0.1" },
    { type: "ports", ports: [] },
  ],
  "garbling-agent": [
    { type: "hello", protocol: protocolVersion, version: "0.1.0" },
    { type: "ports", ports: [] },
  ],
};
