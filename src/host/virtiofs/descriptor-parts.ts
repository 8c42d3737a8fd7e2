/** How many descriptors the processes of a mount may take for what; pure. */

/**
 * The unit: so many for nodes, as many for files without a name, and as many for all else of a worker; what is left of
 * `descriptorsMax` is the guest's open files, of which the holder has copies.
 */
export function partOf(descriptorsMax: number): number {
  return Math.min(Math.max(16, Math.floor(descriptorsMax / 4)), 1024);
}

/**
 * Sockets of containers that answer this machine at once, of two descriptors each, and their clients, of two each: five
 * halves of a part, and the holder, which has them, has three parts beside the guest's open files.
 */
export function listenersMaxOf(descriptorsMax: number): number {
  return Math.floor(partOf(descriptorsMax) / 4);
}

/** See listenersMaxOf. */
export function clientsMaxOf(descriptorsMax: number): number {
  return partOf(descriptorsMax);
}
