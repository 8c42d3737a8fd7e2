/** Every path under QN_HOME, in one table. */
import { join } from "node:path";
import { QnError } from "../base/errors.ts";
import { type Arch, cleanPath } from "../base/words.ts";
import { lanePorts } from "../protocol/lane-ports.ts";

/**
 * The longest path of a Unix socket in bytes: `sun_path` has 104 on macOS and 108 on Linux (unix(4), unix(7)), the last
 * one a NUL. The smaller one counts everywhere, so that a QN_HOME works on both.
 */
const socketPathBytesMax = 103;

/** Names of VMs: they become folder names, host names and parts of ssh host aliases (RFC 1123 labels in lower case). */
const vmNamePattern = /^[a-z](?:[a-z0-9-]{0,29}[a-z0-9])?$/;

/** The paths of one VM. */
export type VmPaths = {
  readonly name: string;
  readonly folder: string;
  readonly version: string;
  readonly config: string;
  /** The settings of all VMs; the VM's own win. */
  readonly commonConfig: string;
  /** The forwards that were made by hand. */
  readonly forwards: string;
  readonly lock: string;
  readonly controlSocket: string;
  readonly dockerSocket: string;
  readonly qmpSocket: string;
  /** Where servers of mounts bring clients of sockets on which containers listen there. */
  readonly mountSocket: string;
  readonly serialSocket: string;
  /** A FIFO that QEMU's own words come through. */
  readonly words: string;
  readonly systemDisk: string;
  readonly dataDisk: string;
  /** The folder of the VM's further disks, which outlive it as its data disk does. */
  readonly volumes: string;
  readonly firmwareVars: string;
  readonly bootFile: string;
  readonly portRange: string;
  /** A folder that is changed to learn that the system has told of all changes before. */
  readonly changesMark: string;
  readonly credentialFile: string;
  readonly sshKeyCredentialFile: string;
  readonly lastFailure: string;
  /** What the VM was when it was suspended, its memory included, and the socket by which it is saved and loaded. */
  readonly suspended: string;
  readonly suspendSocket: string;
  /** The memory of a template of throw-away VMs, and what stands where their mounts will be. */
  readonly memory: string;
  readonly emptyFolder: string;
  readonly sshKey: string;
  readonly sshHostKey: string;
  /** For this machine's Nix, if the VM builds for it: a key that can do nothing else. */
  readonly builderKey: string;
  readonly builderSshConfig: string;
  readonly sshKnownHosts: string;
  readonly sshConfig: string;
  readonly logs: {
    readonly supervisor: string;
    readonly qemu: string;
    readonly serial: string;
    readonly agent: string;
    /** Only what QN_TRACE asks for. */
    readonly trace: string;
  };
};

/** The paths of one QN_HOME. */
export type Layout = {
  readonly home: string;
  readonly config: string;
  readonly images: string;
  readonly cache: string;
  readonly data: string;
  readonly sshConfig: string;
  readonly portsLock: string;
  /** Throw-away VMs and their templates: a folder each. */
  readonly throwaways: string;
  /** The folder of an image. */
  image(name: string, arch: Arch): string;
  /** The paths of the VM `name`. Throws USAGE for a bad name and HOME_UNUSABLE when its sockets' paths get too long. */
  vm(name: string): VmPaths;
  /**
   * The paths of a VM that no command knows by name: all of it, its disks too, is in a folder of its own, whose name is
   * `id`. Throws HOME_UNUSABLE as `vm` does.
   */
  throwaway(id: string): VmPaths;
};

/** Every path under the home that is given. Throws HOME_UNUSABLE when it is not absolute, or not plain text. */
export function layoutOf(given: string): Layout {
  if (!given.startsWith("/")) {
    throw new QnError("HOME_UNUSABLE", `QN_HOME is "${given}", which is not an absolute path.`);
  }
  // A name that is not UTF-8 has become another one by now, and a line end would be one in files of ssh and systemd.
  if (/[\p{Cc}\ufffd]/u.test(given)) {
    throw new QnError(
      "HOME_UNUSABLE",
      `QN_HOME is ${JSON.stringify(given)}: it must be UTF-8, without control characters.`,
    );
  }
  const home = cleanPath(given);
  return {
    home,
    config: join(home, "config.yaml"),
    images: join(home, "_images"),
    cache: join(home, "_cache"),
    data: join(home, "_data"),
    sshConfig: join(home, "ssh_config"),
    portsLock: join(home, "_ports.lock"),
    throwaways: join(home, throwawaysFolder),
    image: (name, arch) => join(home, "_images", `${name}-${arch}`),
    vm: (name) => vmPaths(home, name),
    throwaway: (id) => ({
      ...vmPaths(join(home, throwawaysFolder, id), "run"),
      commonConfig: join(home, "config.yaml"),
    }),
  };
}

/** The file of one of the VM's further disks. */
export function volumeFile(paths: VmPaths, name: string): string {
  return join(paths.volumes, `${name}.raw`);
}

/** The socket of the daemon that serves a share: shorter than `control.sock`, so that it fits where that does. */
export function shareSocket(paths: VmPaths, tag: string): string {
  return join(paths.folder, `${tag}.sock`);
}

/** Where the supervisor connects to the lanes, in the order of `lanePorts`; none is longer than `control.sock`. */
export function laneSockets(paths: VmPaths): readonly string[] {
  return lanePorts.map((_, index) => join(paths.folder, `lane${index}.sock`));
}

/** For whom an ssh connection to the guest stays open: the login user, or root. */
export type SshLogin = "user" | "root";

/**
 * Where ssh listens for who shares a connection to the guest; nothing where QN_HOME is too long for it. ssh makes the
 * socket under this name with a dot and 16 letters behind it, and dies when that does not fit (muxserver_listen in
 * OpenSSH's mux.c).
 */
export function sshMasterSocket(paths: VmPaths, login: SshLogin): string | undefined {
  const socket = join(paths.folder, login === "user" ? "ssh.sock" : "ssh-root.sock");
  return Buffer.byteLength(socket) + ".".length + 16 <= socketPathBytesMax ? socket : undefined;
}

/** Held by the command that is just making such a connection. */
export function sshMasterLock(paths: VmPaths, login: SshLogin): string {
  return join(paths.folder, login === "user" ? "ssh.lock" : "ssh-root.lock");
}

/** True for a name that a VM may have; QN_HOME's own folders start with an underscore, so they never clash. */
export function isVmName(name: string): boolean {
  return vmNamePattern.test(name);
}

// --- internal ---

/** Short, as sockets lie below it. */
const throwawaysFolder = "_run";

function vmPaths(home: string, name: string): VmPaths {
  if (!isVmName(name)) {
    throw new QnError("USAGE", `"${name}" cannot be the name of a VM.`, {
      hint: "Use lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 31 characters.",
    });
  }
  const folder = join(home, name);
  const paths: VmPaths = {
    name,
    folder,
    version: `${folder}/version`,
    config: `${folder}/config.yaml`,
    commonConfig: join(home, "config.yaml"),
    forwards: `${folder}/forwards.json`,
    lock: `${folder}/lock`,
    controlSocket: `${folder}/control.sock`,
    dockerSocket: `${folder}/docker.sock`,
    qmpSocket: `${folder}/qmp.sock`,
    mountSocket: `${folder}/mount.sock`,
    serialSocket: `${folder}/serial.sock`,
    words: `${folder}/words.fifo`,
    systemDisk: `${folder}/system.qcow2`,
    dataDisk: join(home, "_data", `${name}.raw`),
    volumes: join(home, "_data", `${name}.disks`),
    firmwareVars: `${folder}/firmware-vars.fd`,
    bootFile: `${folder}/boot.json`,
    portRange: `${folder}/port-range.json`,
    changesMark: `${folder}/changes-mark`,
    credentialFile: `${folder}/boot.credential`,
    sshKeyCredentialFile: `${folder}/ssh-key.credential`,
    lastFailure: `${folder}/last-failure.json`,
    suspended: `${folder}/suspended.state`,
    suspendSocket: `${folder}/suspend.sock`,
    memory: `${folder}/memory`,
    emptyFolder: `${folder}/empty`,
    sshKey: `${folder}/id_ed25519`,
    sshHostKey: `${folder}/ssh_host_ed25519_key`,
    builderKey: `${folder}/builder_ed25519`,
    builderSshConfig: `${folder}/builder_ssh_config`,
    sshKnownHosts: `${folder}/known_hosts`,
    sshConfig: `${folder}/ssh_config`,
    logs: {
      supervisor: `${folder}/supervisor.log`,
      qemu: `${folder}/qemu.log`,
      serial: `${folder}/serial.log`,
      agent: `${folder}/agent.log`,
      trace: `${folder}/trace.log`,
    },
  };
  for (const socket of [paths.controlSocket, paths.dockerSocket, paths.qmpSocket]) {
    const length = Buffer.byteLength(socket);
    if (length > socketPathBytesMax) {
      throw new QnError(
        "HOME_UNUSABLE",
        `The socket path "${socket}" has ${length} bytes; at most ${socketPathBytesMax} fit into a Unix socket's address.`,
      );
    }
  }
  return paths;
}
