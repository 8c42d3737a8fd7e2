/** Joins a stream of the gate to a container's UDP port: one stream is one flow, from one client of the host. */
import { messageOf } from "../../base/errors.ts";
import { DatagramReader, encodeDatagram } from "../../protocol/datagram.ts";
import { encode } from "../../protocol/frame.ts";
import type { Address, Connection } from "../../system/net/connection.ts";
import { connectDatagrams, type DatagramPeer } from "../../system/net/datagrams.ts";

/**
 * Passes datagrams both ways until the caller ends the stream; the host ends idle flows. Datagrams that the caller does
 * not take at once are dropped, as UDP would. A target that there is not is answered with the reason.
 */
export async function carryDatagrams(caller: Connection, early: Uint8Array, addressOf: () => Address): Promise<void> {
  let isFull = false;
  let peer: DatagramPeer;
  try {
    const target = addressOf();
    if ("unix" in target) throw new Error("A Unix socket takes no datagrams here.");
    peer = await connectDatagrams(target, (payload) => {
      if (!isFull) isFull = !caller.write(encodeDatagram(payload));
    });
  } catch (error) {
    caller.write(encode({ ok: false, reason: messageOf(error) }));
    return caller.end();
  }
  const reader = new DatagramReader();
  const pass = (bytes: Uint8Array): void => {
    for (const payload of reader.push(bytes)) peer.send(payload);
  };
  caller.take({
    onData: pass,
    onDrain: () => (isFull = false),
    onEnd: () => caller.end(),
    onClose: () => peer.close(),
  });
  if (caller.isClosed) return peer.close();
  caller.write(encode({ ok: true }));
  pass(early);
  caller.resume();
}
