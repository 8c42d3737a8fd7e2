/** Socket activation: sockets that systemd has opened before this process began (sd_listen_fds(3)). */

/** Where systemd's sockets begin: behind standard input, output and error. */
const firstSocket = 3;

/** The number of the socket of this unit, such as "qn-agent.socket"; nothing when systemd has passed no such socket. */
export function inheritedSocket(
  unit: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): number | undefined {
  // A child of the one that the sockets are for sees the same variables.
  if (env["LISTEN_PID"] !== `${process.pid}`) return undefined;
  const index = (env["LISTEN_FDNAMES"] ?? "").split(":").indexOf(unit);
  return index >= 0 && index < Number(env["LISTEN_FDS"]) ? firstSocket + index : undefined;
}
