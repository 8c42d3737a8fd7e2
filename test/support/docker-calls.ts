/** Docker's API as the command uses it, call by call, for those who look at single calls. */

/** Asks Docker, and gives back what its answer says; nothing for an answer without a body. Throws with Docker's words. */
export type DockerCalls = (method: string, path: string, body?: object) => Promise<unknown>;

/** Calls of the Docker at `socket`. One that is not answered within `patienceMs` fails. */
export function dockerCalls(socket: string, patienceMs: number): DockerCalls {
  return async (method, path, body) => {
    const answer = await fetch(`http://docker${path}`, {
      unix: socket,
      method,
      signal: AbortSignal.timeout(patienceMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
}
