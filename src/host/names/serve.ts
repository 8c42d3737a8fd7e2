/** The host's end of the names: one stream through the gate, on which the guest asks and the host answers. */
import { DatagramReader, encodeDatagram } from "../../protocol/datagram.ts";
import { encode } from "../../protocol/frame.ts";
import { parseOpened } from "../../protocol/open.ts";
import type { Proven } from "../gate/dial.ts";
import type { Answerer } from "./answer.ts";

/** Questions being answered at once; a guest that asks more waits for nothing. */
const pendingMax = 512;

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
  connection.write(encode({ open: "names" }));
  const opened = parseOpened(await lines.next());
  if (!opened.ok) throw new Error(opened.reason);
  const reader = new DatagramReader();
  let pending = 0;
  const take = async (question: Uint8Array): Promise<void> => {
    if (pending >= pendingMax || question.length > questionBytesMax) return;
    pending += 1;
    const found = await answer(question);
    pending -= 1;
    connection.write(encodeDatagram(found));
  };
  const read = (bytes: Uint8Array): void => {
    for (const question of reader.push(bytes)) void take(Uint8Array.from(question));
  };
  const early = lines.release();
  connection.onData = read;
  connection.onEnd = () => connection.end();
  connection.onClose = () => onLost("the stream has ended");
  if (connection.isClosed) return onLost("the stream has ended");
  read(early);
  connection.resume();
}
