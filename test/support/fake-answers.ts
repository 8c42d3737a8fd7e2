/** What the fake QEMU answers at its monitor. */
import { statSync, truncateSync } from "node:fs";
import { migrationCommands } from "./fake-migration.ts";

/** What `block_resize`, the commands of a migration and those of devices are given. */
export type Given = {
  readonly "node-name": string;
  readonly size: number;
  readonly uri: string;
  readonly id: string;
  readonly bus: string;
  readonly backend: { readonly data: { readonly addr: { readonly data: { readonly path: string } } } };
};

/** The answer to a command of the monitor; `blockdevs` are the words behind -blockdev on the command line. */
export function answerTo(
  execute: string,
  status: string,
  sent: Given | undefined,
  blockdevs: readonly string[],
): object {
  if (![...obeyed, ...answered].includes(execute)) {
    return { error: { class: "CommandNotFound", desc: `The command ${execute} has not been found` } };
  }
  if (execute === "query-status") return { return: { running: status === "running", status } };
  if (execute === "human-monitor-command") return { return: "" };
  const files = rawFiles(blockdevs);
  if (execute === "query-named-block-nodes") {
    const nodes = Object.entries(files);
    return {
      return: nodes.map(([name, path]) => ({ "node-name": name, image: { "virtual-size": statSync(path).size } })),
    };
  }
  if (execute !== "block_resize" || sent === undefined) return { return: {} };
  try {
    // As on a file system that takes no larger files.
    if (sent.size > 1024 ** 4) throw new Error("File too large");
    truncateSync(files[sent["node-name"]] ?? "", sent.size);
    return { return: {} };
  } catch (error) {
    return { error: { class: "GenericError", desc: `Failed to resize: ${String(error)}` } };
  }
}

// --- internal ---

/** Those that QEMU answers with nothing, and those that have something to say. */
const obeyed = ["qmp_capabilities", "system_powerdown", "system_reset", "cont", "quit", ...migrationCommands];
const answered = ["query-status", "query-named-block-nodes", "block_resize", "human-monitor-command"];

/** The raw disks of the command line: their files, by the names of their nodes. */
function rawFiles(blockdevs: readonly string[]): Record<string, string> {
  const found = blockdevs.map((value) => /driver=raw,node-name=([^,]+),.*file\.filename=(.*)$/.exec(value));
  return Object.fromEntries(found.flatMap((match) => (match === null ? [] : [[match[1], match[2]]])));
}
