/** What an ordinary user can do about a port that only an administrator may listen on. */
import { firstOwnPort } from "../../system/low-ports.ts";

/** Why this user may not listen on the port, and the remedy, as sentences; nothing for a port that is free to all. */
export async function missingRights(port: number, first = firstOwnPort()): Promise<string | undefined> {
  const from = await first;
  if (port >= from) return undefined;
  const setting = `net.ipv4.ip_unprivileged_port_start=${port}`;
  return (
    `Users of this machine may listen on ports from ${from} on. \`sudo sysctl ${setting}\` changes that at once, and ` +
    `\`echo ${setting} | sudo tee /etc/sysctl.d/60-ports.conf\` for later starts of the machine.`
  );
}
