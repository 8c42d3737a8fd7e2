/** Containers on one port, one after the other, each asked once: how many answer at the first try, and how soon. */
import { playRounds } from "../support/rounds.ts";
import { quantile } from "./figures.ts";
import type { Guest } from "./guest.ts";

const count = 200;

/** How many of the rounds were right, and the time from the answer to `start` to the first byte. */
export async function measureRounds({ socket }: Guest): Promise<string[]> {
  const { right, early, stale, late, firstByteMs } = await playRounds(socket, count, (rounds) => {
    if (rounds.firstByteMs.length % 20 === 0)
      console.log(`  … ${rounds.firstByteMs.length} rounds, ${rounds.right} right`);
  });
  const [middle, slow] = [0.5, 0.99].map((share) => quantile(firstByteMs, share).toFixed(0));
  return [
    `${count} containers on one port: ${right} right at the first try, ${early} refused early, ${stale} stale, ${late} that listened after rm (aim: all right)`,
    `from the answer to start to the first byte: p50 ${middle} ms, p99 ${slow} ms`,
  ];
}
