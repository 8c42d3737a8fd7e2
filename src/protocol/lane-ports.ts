/**
 * The virtio-serial ports of the lanes. They stand apart from the lanes' messages, whose schemas take as long to make
 * as all that `qn ls` reads of ten folders.
 */

/** As many as a browser, or a client of a database, has connections open at once; more streams take the gate. */
export const laneCount = 8;

/** Their names. */
export const lanePorts: readonly string[] = Array.from({ length: laneCount }, (_, index) => `qn.lane.${index}`);
