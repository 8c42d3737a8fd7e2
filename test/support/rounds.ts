/** Rounds of a container's life on one host port: it serves its own id, is asked once, and goes. */
import { dockerCalls } from "./docker-calls.ts";
import { freePort, knock } from "./until.ts";

/** What became of some rounds. A round is right when the first try gets the id of this container and no other's. */
export type Rounds = {
  right: number;
  /** Rounds whose one request got no answer, or another container's id. */
  early: number;
  stale: number;
  /** Rounds after whose `rm -f` somebody still listened. */
  late: number;
  /** Milliseconds from the answer to `start` to the first byte. */
  readonly firstByteMs: number[];
};

/** A guest that does not answer Docker's calls for this long fails the round. */
const patienceMs = 120_000;

/**
 * Plays rounds one after the other on one port that is free, of the Docker at `socket`, with the calls that `docker run -d` and `docker rm -f` make;
 * the command itself would take as long as they do. `onRound` is told how it stands after each.
 */
export async function playRounds(
  socket: string,
  count: number,
  onRound: (rounds: Rounds) => void = () => {},
): Promise<Rounds> {
  const call = dockerCalls(socket, patienceMs);
  const port = await freePort();
  const rounds: Rounds = { right: 0, early: 0, stale: 0, late: 0, firstByteMs: [] };
  for (let round = 0; round < count; round += 1) {
    const { Id } = (await call("POST", "/containers/create", containerAt(port))) as { Id: string };
    await call("POST", `/containers/${Id}/start`);
    const beganMs = performance.now();
    const said = await ask(port);
    rounds.firstByteMs.push(performance.now() - beganMs);
    if (said === Id.slice(0, 12)) rounds.right += 1;
    else if (said === undefined) rounds.early += 1;
    else rounds.stale += 1;
    await call("DELETE", `/containers/${Id}?force=1`);
    if ((await knock("127.0.0.1", port)) !== "ECONNREFUSED") rounds.late += 1;
    onRound(rounds);
  }
  return rounds;
}

// --- internal ---

/** It serves the file in which Docker writes the container's id. */
function containerAt(port: number): object {
  return {
    Image: "busybox",
    Cmd: ["httpd", "-f", "-p", "80", "-h", "/etc"],
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "", HostPort: `${port}` }] } },
  };
}

/** One try, on a connection of its own. Nothing when it fails. */
async function ask(port: number): Promise<string | undefined> {
  try {
    const url = `http://127.0.0.1:${port}/hostname`;
    const answer = await fetch(url, { headers: { connection: "close" }, keepalive: false });
    return (await answer.text()).trim();
  } catch {
    return undefined;
  }
}
