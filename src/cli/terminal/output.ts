/** Standard output as a stream, for what takes its time; print.ts has what is written at once. */
import { QnError } from "../../base/errors.ts";
import { lazily } from "../../base/lazily.ts";

/**
 * Writes to standard output, and lets signals through while the reader of a pipe takes its time. A reader that has gone
 * has had what it wanted, as `head` has; whatever else takes no more, such as a full disk, is a failure.
 */
export function output(content: string | Uint8Array): void {
  stream().write(content);
}

// --- internal ---

const stream = lazily(() => {
  let isTold = false;
  return process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (isTold || error.code === "EPIPE") return;
    isTold = true;
    void fail(error);
  });
});

async function fail(cause: Error): Promise<void> {
  const known = new QnError("DISK_FAILED", `Standard output takes no more: ${cause.message}.`, {
    cause,
    hint: "What has been printed is not whole.",
  });
  process.exitCode = known.exit;
  (await import("./show.ts")).showError(known);
}
