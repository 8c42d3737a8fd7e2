/** Forwards as a person reads them: a table, and a line for each change. */
import { plain } from "../../base/plain.ts";
import { bracketed, byteSize, counted } from "../../base/words.ts";
import type { ForwardStatus } from "../../host/supervisor/messages.ts";
import type { ForwardChange } from "../json-outputs.ts";
import { tableLines } from "./table.ts";

/** The forwards under headings. */
export function forwardTable(forwards: readonly ForwardStatus[]): string[] {
  return tableLines(
    ["PROTO", "ADDRESS", "PORT ", "CONTAINER", "STATE", "OPEN ", "BYTES ", "LAST ERROR"],
    forwards.map((forward) => [
      forward.protocol,
      forward.hostIp,
      `${forward.hostPort}`,
      forward.container,
      forward.state,
      `${forward.connections}`,
      byteSize(forward.bytes),
      forward.error ?? "",
    ]),
  );
}

/** What is new, other or gone, in the order of the forwards; those that are gone come first, as their port may move. */
export function changesBetween(before: readonly ForwardStatus[], now: readonly ForwardStatus[]): ForwardChange[] {
  const kept = new Set(now.map(keyOf));
  const known = new Map(before.map((forward) => [keyOf(forward), JSON.stringify(forward)]));
  return [
    ...before
      .filter((forward) => !kept.has(keyOf(forward)))
      .map((forward) => ({ ...forward, state: "closed" as const })),
    ...now.filter((forward) => known.get(keyOf(forward)) !== JSON.stringify(forward)),
  ];
}

/** A change as one line, such as "tcp 127.0.0.1:8080 web open, 2 connections, 1.5 MiB". */
export function changeLine(change: ForwardChange): string {
  const { protocol, hostIp, hostPort, container, state, connections, bytes, error } = change;
  const counts = state === "failed" ? [] : [counted(connections, "connection"), byteSize(bytes)];
  const facts = [
    `${protocol} ${bracketed(hostIp)}:${hostPort} ${container} ${state}`,
    ...counts,
    ...(error === null ? [] : [error]),
  ];
  return plain(facts.join(", "));
}

// --- internal ---

function keyOf({ protocol, hostIp, hostPort }: ForwardStatus): string {
  return `${protocol} ${hostIp} ${hostPort}`;
}
