/** Where the agent and dockerd find each other in the guest. */

/** dockerd's own socket. */
export const dockerSocket = "/run/docker.sock";

/** Where dockerd looks for a plugin of this name (docs.docker.com, "Docker Plugin API", plugin discovery). */
export function pluginSocket(name: string): string {
  return `/run/docker/plugins/${name}.sock`;
}
