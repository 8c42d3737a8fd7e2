/** Rounds of a container's life on one host port: it serves its own id, is asked once, and goes. */
import { freePort, knock } from "./until.ts";
import type { Vm } from "./vm.ts";

/** What became of some rounds. A round is right when the first try gets the id of this container and no other's. */
export type Rounds = {
  right: number;
  /** Rounds whose one request got no answer, or another container's id. */
  early: number;
  stale: number;
  /** Rounds after whose `rm -f` somebody still listened. */
  late: number;
  /** Milliseconds from the end of `docker run` to the first byte. */
  readonly firstByteMs: number[];
};

/** Plays rounds one after the other on one port that is free. `onRound` is told how it stands after each. */
export async function playRounds(vm: Vm, count: number, onRound: (rounds: Rounds) => void = () => {}): Promise<Rounds> {
  const port = await freePort();
  const rounds: Rounds = { right: 0, early: 0, stale: 0, late: 0, firstByteMs: [] };
  const serve = "hostname >/www/index.html; exec httpd -f -p 80 -h /www";
  for (let round = 0; round < count; round += 1) {
    const options = ["--detach", "--name", "round", "--publish", `${port}:80`];
    const id = await vm.docker("run", ...options, "busybox", "sh", "-c", serve);
    const beganMs = performance.now();
    const said = await ask(port);
    rounds.firstByteMs.push(performance.now() - beganMs);
    if (said === id.slice(0, 12)) rounds.right += 1;
    else if (said === undefined) rounds.early += 1;
    else rounds.stale += 1;
    await vm.docker("rm", "--force", "round");
    if ((await knock("127.0.0.1", port)) !== "ECONNREFUSED") rounds.late += 1;
    onRound(rounds);
  }
  return rounds;
}

// --- internal ---

/** One try, on a connection of its own. Nothing when it fails. */
async function ask(port: number): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" }, keepalive: false });
    return (await answer.text()).trim();
  } catch {
    return undefined;
  }
}
