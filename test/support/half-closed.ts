/** Connections of a container to this machine that are half closed, and silent, for long. */
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { bunContainer } from "./bun-container.ts";
import { repository } from "./program.ts";
import type { Vm } from "./vm.ts";

/** Both ends of two connections, with what each has heard in the end (test/support/inside/half-closed.ts). */
export type HalfClosed = { readonly client: unknown; readonly asked: string; readonly told: string };

/** What both have heard when nothing was lost. */
export const wholeTalk: HalfClosed = {
  client: { answer: "answer", greeting: "that is all" },
  asked: "question",
  told: "last words",
};

/** Begins to be silent; it resolves once both connections are over. */
export async function beSilent(vm: Vm, silenceMs: number): Promise<HalfClosed> {
  const answered = await serve((socket) => setTimeout(() => socket.end("answer"), silenceMs));
  const greeted = await serve(
    () => {},
    (socket) => socket.end("that is all"),
  );
  try {
    const script = join(repository, "test/support/inside/half-closed.ts");
    const [...program] = await bunContainer(join(vm.inHome, "half-closed"), script);
    const words = ["10.0.2.2", `${answered.port}`, `${greeted.port}`, `${silenceMs / 1000}`];
    const said = await vm.docker("run", "--rm", ...program, ...words);
    return { client: JSON.parse(said), asked: await answered.heard, told: await greeted.heard };
  } finally {
    answered.close();
    greeted.close();
  }
}

// --- internal ---

/** A server for one client: what that has said, once it has said all, and what is done then, and at the beginning. */
async function serve(onEnd: (socket: Socket) => void, onOpen: (socket: Socket) => void = () => {}) {
  const { promise: heard, resolve } = Promise.withResolvers<string>();
  const { promise: listening, resolve: begin } = Promise.withResolvers<void>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    socket.on("data", (bytes) => (text += bytes.toString()));
    socket.on("error", (error) => resolve(error.message));
    socket.on("end", () => {
      resolve(text);
      onEnd(socket);
    });
    onOpen(socket);
  });
  server.listen(0, "127.0.0.1", begin);
  await listening;
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port, heard, close: () => server.close() };
}
