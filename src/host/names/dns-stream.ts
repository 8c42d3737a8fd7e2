/** The host's end of the guest's DNS: one stream through the gate, on which the guest asks and the host answers. */
import { messageOf } from "../../base/errors.ts";
import { DatagramReader, encodeDatagram } from "../../protocol/datagram.ts";
import { encode } from "../../protocol/frame.ts";
import { parseOpened } from "../../protocol/stream-request.ts";
import { converse } from "../../system/net/conversation.ts";
import { tracers } from "../../system/trace.ts";
import type { Proven } from "../gate/dial.ts";
import { type Answerer, answeredAtOnce } from "./answer.ts";

/** What the guest may leave unread, in bytes: more answers than it has questions under way (names/host-names.ts). */
const unreadBytesMax = 1024 ** 2;

/** The longest question in bytes: names have 255 at most, and nobody adds more than a few options. */
const questionBytesMax = 4096;

/**
 * Answers the guest's questions on a proven connection until it ends; `onLost` then says why. Nothing else can be asked
 * on it: what is no question is answered with a failure, or dropped.
 */
export async function answerNames(
  { connection, lines }: Proven,
  answer: Answerer,
  onLost: (reason: string) => void,
): Promise<void> {
  const request = encode({ open: "names" });
  tracers.wire?.("->", request);
  connection.write(request);
  const answered = await lines.next();
  tracers.wire?.("<-", answered);
  const opened = parseOpened(answered);
  if (!opened.ok) throw new Error(opened.reason);
  const reader = new DatagramReader();
  const hear = converse(connection, {
    cut: (bytes) => reader.cut(bytes),
    async onMessage(question) {
      if (question.length > questionBytesMax) return;
      // A copy: what it is a part of is large, and would be kept with it.
      connection.write(encodeDatagram(await answer(Uint8Array.from(question))));
    },
    atOnce: answeredAtOnce,
    unreadBytesMax,
    onOver: (reason, isOurs) => onLost(isOurs ? messageOf(reason) : "the stream has ended"),
  });
  hear(lines.release());
}
