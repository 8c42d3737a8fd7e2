/** The commands of QEMU's monitor that qn uses, each with its own answer. */
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";
import type { QmpClient } from "./client.ts";

/** What runs commands: a QmpClient, or less of it. */
type Monitor = Pick<QmpClient, "execute">;

/** Presses the power button: the guest shuts down cleanly, if it listens. Throws QEMU_FAILED. */
export async function powerDown(monitor: Monitor): Promise<void> {
  await monitor.execute("system_powerdown");
}

/** Ends QEMU at once; disks are flushed, the guest is not asked. Throws QEMU_FAILED. */
export async function quit(monitor: Monitor): Promise<void> {
  await monitor.execute("quit");
}

/** Whether the guest's processors run, and QEMU's word for the state ("running", "paused", "shutdown", …). */
export async function queryStatus(monitor: Monitor): Promise<{ readonly running: boolean; readonly status: string }> {
  return answer(
    "query-status",
    v.object({ running: v.boolean(), status: v.string() }),
    await monitor.execute("query-status"),
  );
}

/** QEMU's version, such as "7.2.22". */
export async function queryVersion(monitor: Monitor): Promise<string> {
  const { qemu } = answer("query-version", versionSchema, await monitor.execute("query-version"));
  return `${qemu.major}.${qemu.minor}.${qemu.micro}`;
}

/** How large each disk of the guest is now, in bytes, by the name of its node. Throws QEMU_FAILED and PROTOCOL. */
export async function nodeSizes(monitor: Monitor): Promise<ReadonlyMap<string, number>> {
  const found = await monitor.execute("query-named-block-nodes", { flat: true });
  const listed = answer("query-named-block-nodes", nodesSchema, found);
  return new Map(listed.map((node) => [node["node-name"], node.image["virtual-size"]]));
}

/**
 * Makes a disk larger while the guest runs, which hears of it; its file on the host grows first. Throws QEMU_FAILED
 * with QEMU's words.
 */
export async function resizeNode(monitor: Monitor, node: string, sizeBytes: number): Promise<void> {
  await monitor.execute("block_resize", { "node-name": node, size: sizeBytes });
}

/** A port of the host that slirp forwards into the guest. `hostAddress` "*" is every IPv4 address. */
export type UserNetForward = {
  readonly protocol: "tcp" | "udp";
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestAddress: string;
  readonly guestPort: number;
};

/** The forwards of the user network, those of the command line included: QEMU knows them, nobody need remember. */
export async function userNetForwards(monitor: Monitor): Promise<readonly UserNetForward[]> {
  // QMP has no command of its own for it (QEMU 10), so this goes through the human monitor and reads its table.
  const text = await monitor.execute("human-monitor-command", { "command-line": "info usernet" });
  return parseUserNet(answer("info usernet", v.string(), text));
}

/** Reads the rows of `info usernet` that are forwards; connections and headings are left out. */
export function parseUserNet(text: string): readonly UserNetForward[] {
  return text.split("\n").flatMap((line) => {
    const [, protocol, hostAddress, hostPort, guestAddress, guestPort] = forwardRow.exec(line) ?? [];
    if (hostAddress === undefined || guestAddress === undefined) return [];
    return [
      {
        protocol: protocol === "UDP" ? "udp" : "tcp",
        hostAddress,
        hostPort: Number(hostPort),
        guestAddress,
        guestPort: Number(guestPort),
      },
    ];
  });
}

// --- internal ---

/**
 * " TCP[HOST_FORWARD] 11 127.0.0.1 45002 10.0.2.15 80 0 0": state, fd, host, guest, queues.
 */
const forwardRow = /^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)\s/;

const nodesSchema = v.array(v.object({ "node-name": v.string(), image: v.object({ "virtual-size": v.number() }) }));

const versionSchema = v.object({
  qemu: v.object({ major: v.number(), minor: v.number(), micro: v.number() }),
});

function answer<const Schema extends v.GenericSchema>(
  what: string,
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new QnError("PROTOCOL", `QEMU answers ${what} with ${JSON.stringify(value)?.slice(0, 80)}.`);
}
