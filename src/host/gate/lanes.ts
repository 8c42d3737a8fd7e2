/** Opens the lanes: connects to QEMU's sockets, tells the agent, and waits at each until the agent is there too. */
import { randomBytes } from "node:crypto";
import { lanePorts } from "../../protocol/lane-ports.ts";
import type { HostMessage } from "../../protocol/messages.ts";
import { connect, type Connection } from "../../system/net/connection.ts";
import { Lane } from "../../system/net/lane.ts";

/**
 * `sockets` in the order of `lanePorts`. Where nobody listens there is no lane: the QEMU is of an older qn. The agent
 * is told with `tell`, and `onLane` gets each lane that it has opened. Nothing is sent on a lane before: it could be
 * meant for, and would be lost with, an agent of before.
 */
export async function openLanes(
  sockets: readonly string[],
  tell: (message: HostMessage) => void,
  onLane: (lane: Lane) => void,
): Promise<void> {
  const token = randomBytes(32);
  const opened = await Promise.all(
    sockets.map(async (unix, index) => {
      const line = await connect({ unix }).catch(() => undefined);
      return line === undefined ? [] : [{ port: lanePorts[index] ?? "", line }];
    }),
  );
  const lines = opened.flat();
  if (lines.length === 0) return;
  for (const { line } of lines) {
    void greeted(line, token)
      .then(() => onLane(new Lane(line)))
      .catch(() => line.reset());
  }
  tell({ type: "lanes", ports: lines.map(({ port }) => port), token: token.toString("hex") });
}

// --- internal ---

/** Resolves once the token has come; what an agent of before has left in the line comes first, and is passed over. */
async function greeted(line: Connection, token: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let tail = Buffer.alloc(0);
  line.take({
    onData(bytes) {
      tail = Buffer.concat([tail, bytes]);
      const at = tail.indexOf(token);
      // The agent says nothing more before it is asked.
      if (at >= 0 && at + token.length === tail.length) resolve();
      else if (at >= 0) reject(new Error("The agent speaks before it is asked."));
      tail = tail.subarray(-token.length);
    },
    onEnd: () => reject(new Error("The channel has ended.")),
    onClose: () => reject(new Error("The channel is gone.")),
  });
  await promise;
}
