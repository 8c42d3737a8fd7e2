/**
 * What the messages and the host's own settings and lists both go by. It stands apart from the messages, whose schemas
 * take longer to make than the rest of `qn status`.
 */
import * as v from "valibot";

/** The number of a TCP or UDP port that can be listened on. */
export const portSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

/**
 * Who in the guest publishes a port: Docker, for a container or for a service of a swarm, systemd-nspawn, a container
 * in the guest's own network, which listens, or another program that does.
 */
export const publishers = ["docker", "swarm", "nspawn", "host-network", "listen"] as const;

/** The most commands of the settings. */
export const provisionStepsMax = 64;

/** The most sockets of the settings. */
export const hostSocketsMax = 32;

/** How the settings call the ssh agent's socket, and where it is for programs that know Docker Desktop. */
export const sshAgent = "ssh-agent";
export const sshAgentPath = "/run/host-services/ssh-auth.sock";
