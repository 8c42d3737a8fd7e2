/** What QEMU and the servers of mounts say, on its way to qemu.log: it comes no further while nobody takes it. */
import { closeSync, constants, existsSync, openSync, rmSync, writeFileSync } from "node:fs";
import { turn } from "../../../system/clock.ts";
import { makeFifo } from "../../../system/kernel/libc.ts";
import type { VmPaths } from "../../layout.ts";
import { AppendedLog } from "./appended-log.ts";

/** Their words, which are kept in a log. */
export type Words = {
  /** Resolves when all that was said by now is in the log. */
  heard(): Promise<void>;
  /** Hears no more; whoever still speaks goes on, and is not kept waiting. */
  close(): void;
};

/** The same with what a program gets as its output and errors; it must bear an EPIPE there once nobody hears it. */
export type Voice = Words & { readonly fd: number };

/** Makes the way for the programs of a boot, and begins their log anew. Throws where it cannot be made. */
export function newVoice({ words, logs }: VmPaths): Voice {
  rmSync(words, { recursive: true, force: true });
  makeFifo(words);
  writeFileSync(logs.qemu, "", { mode: 0o600 });
  const reading = openToRead(words);
  const fd = openSync(words, constants.O_WRONLY);
  return { fd, ...keepWords([reading, fd], logs.qemu) };
}

/** Hears on who was started before; nothing where an older qn has, whose QEMU writes to the log itself. */
export function nextWords({ words, logs }: VmPaths): Words | undefined {
  return existsSync(words) ? keepWords([openToRead(words)], logs.qemu) : undefined;
}

/** Lets further programs speak to whoever hears the others, as long as it takes `start` to start them. */
export async function speaking<Result>({ words }: VmPaths, start: (fd: number) => Promise<Result>): Promise<Result> {
  const fd = openSync(words, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    return await start(fd);
  } finally {
    closeSync(fd);
  }
}

// --- internal ---

/** Without O_NONBLOCK it would wait until somebody is there to speak. */
function openToRead(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** Reads the first of `fds`, and closes all of them. */
function keepWords(fds: readonly [number, ...number[]], logPath: string): Words {
  const log = new AppendedLog(logPath);
  const reader = Bun.file(fds[0]).stream().getReader();
  let isClosed = false;
  let pieces = 0;
  const hear = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || isClosed) return;
      pieces += 1;
      log.write(value);
    }
  };
  void hear();
  return {
    async heard() {
      // What is there comes with the loop's next turn, a piece at a time; the first turn may be the end of this one.
      await turn();
      for (let before = -1; before !== pieces;) {
        before = pieces;
        await turn();
      }
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      void reader.cancel();
      for (const fd of fds) closeSync(fd);
      log.close();
    },
  };
}
