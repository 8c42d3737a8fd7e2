/** The VM's own disks as host and guest both know them: by name, which is in a disk's serial and in its place. */

/** The disk that every VM has beside its system disk: Docker's state. */
export const dataDisk = "data";

/**
 * Names of further disks: a virtio disk's serial has 20 bytes (VIRTIO_BLK_ID_BYTES), a label of ext4 16. As Nix' own
 * expressions can say it.
 */
export const volumePattern = /^[a-z]([a-z0-9-]{0,14}[a-z0-9])?$/;

/** The names of the two disks that every VM has. */
export const ownDiskNames: readonly string[] = [dataDisk, "system"];

/** True for a name that a further disk may have. */
export function isVolumeName(name: string): boolean {
  return volumePattern.test(name) && !ownDiskNames.includes(name);
}

/** The most further disks of a VM: each is a device on the machine's bus, as mounts are. */
export const volumesMax = 8;

/** The serial by which the guest finds a disk. */
export function serialOf(name: string): string {
  return `qn-${name}`;
}

/**
 * The folder of the guest that holds the places of further disks: a file system of its own, made at each boot. It is
 * not below the data disk's place: on a starved machine that is mounted after the agent has begun, and would hide
 * them.
 */
export const volumesFolder = "/var/lib/qn-disks";

/** Where the guest has a disk. */
export function folderOf(name: string): string {
  return name === dataDisk ? "/var/lib/qn" : `${volumesFolder}/${name}`;
}
