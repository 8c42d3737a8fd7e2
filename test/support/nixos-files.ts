/** What the NixOS module makes of guest/, as files of a Debian guest: in place of that guest's own, under the names that NixOS has. */
import { quoted } from "../../src/base/shell.ts";
import { dirname, join } from "node:path";
import { valueOf } from "./nix.ts";

type Guest = {
  readonly units: Readonly<Record<string, string>>;
  readonly services: Readonly<Record<string, { readonly text: string }>>;
  readonly etc: Readonly<Record<string, string>>;
  readonly docker: { readonly logDriver: string; readonly settings: Readonly<Record<string, unknown>> };
  readonly tmpfiles: readonly string[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly fileSystems: Readonly<Record<string, FileSystem>>;
  readonly ssh: {
    readonly ports: readonly number[];
    readonly authorizedKeysFiles: readonly string[];
    readonly settings: Readonly<Record<string, string | boolean>>;
    readonly extraConfig: string;
  };
};

type FileSystem = {
  readonly device: string;
  readonly fsType: string;
  readonly options: readonly string[];
  readonly autoFormat: boolean;
  readonly autoResize: boolean;
};

/** Where systemd looks for units in Debian. */
const unitFolder = "/etc/systemd/system";

/** Debian's packages by the names that nixpkgs has for them. */
const debianPackages: Readonly<Record<string, string>> = {
  coreutils: "coreutils",
  e2fsprogs: "e2fsprogs",
  findutils: "findutils",
  gnugrep: "grep",
  gnused: "sed",
  iproute2: "iproute2",
  nftables: "nftables",
  systemd: "systemd",
  "util-linux": "util-linux",
};

/** The module's files with their places in the guest. Their programs are those of a Nix store; `storeScript` makes it. */
export async function nixosFiles(system: string): Promise<ReadonlyMap<string, string>> {
  const guest = await valueOf<Guest>("guest", system, "{ virtualisation.qn.enable = true; }");
  const units = Object.entries(guest.units).map(
    ([path, text]) => [path.replace("lib/systemd/system", unitFolder), text] as const,
  );
  const overrides = Object.entries(guest.services).map(
    ([name, { text }]) => [`${unitFolder}/${name}.service.d/overrides.conf`, text] as const,
  );
  const etc = Object.entries(guest.etc)
    .filter(([path]) => path !== "qn/image.json")
    .map(([path, text]) => [`/etc/${path}`, text] as const);
  const daemon = { ...guest.docker.settings, "log-driver": guest.docker.logDriver };
  const sysctl = Object.entries(guest.sysctl).map(([name, value]) => `${name} = ${value}\n`);
  return new Map([
    ...units,
    ...overrides,
    ...etc,
    ["/etc/docker/daemon.json", JSON.stringify(daemon)],
    ["/etc/fstab", fstab(guest.fileSystems)],
    ["/etc/ssh/sshd_config.d/10-qn.conf", sshd(guest.ssh)],
    ["/etc/sysctl.d/60-qn.conf", sysctl.join("")],
    ["/etc/tmpfiles.d/qn.conf", `${guest.tmpfiles.join("\n")}\n`],
  ]);
}

/** A script that puts the files into a guest, in place of its own files of those names. */
export function writeScript(files: ReadonlyMap<string, string>): string {
  const writes = [...files].map(
    ([path, text]) => `mkdir -p ${dirname(path)}; rm -f ${path}; printf %s ${quoted(text)} > ${path}`,
  );
  return writes.join("\n");
}

/**
 * A script that makes the Nix store which the files speak of: a folder for each package, with Debian's programs of that package alone in
 * it. What the module has forgotten is therefore not found, as on NixOS.
 */
export function storeScript(files: ReadonlyMap<string, string>, specialise: string): string {
  const found = [...files.values()].flatMap((text) => [
    ...text.matchAll(/\/nix\/store\/\w{32}-([a-z0-9-]+?)(?:-[\d.]+)?(?=\/s?bin|\.sh)/g),
  ]);
  const packages = new Map(found.map(([path, name = ""]) => [path, name]));
  return [...packages]
    .map(([path, name]) => {
      if (name === "specialise") return `mkdir -p /nix/store; printf %s ${quoted(specialise)} > ${path}.sh`;
      const programs =
        name === "qn-agent"
          ? "echo /usr/local/bin/qn"
          : `dpkg -L ${debianPackages[name] ?? name} | grep -E '^(/usr)?/s?bin/.'`;
      return `mkdir -p ${path}/bin; ${programs} | while read -r program; do ln -sfn "$program" ${path}/bin/; done`;
    })
    .join("\n");
}

// --- internal ---

/** The lines of what is not the system disk's: that one is the image's, whatever guest is on it. */
function fstab(fileSystems: Guest["fileSystems"]): string {
  return Object.entries(fileSystems)
    .filter(([point]) => point.startsWith("/var/"))
    .toSorted(([a], [b]) => b.localeCompare(a))
    .map(([point, { device, fsType, options, autoFormat, autoResize }]) => {
      const more = [...(autoFormat ? ["x-systemd.makefs"] : []), ...(autoResize ? ["x-systemd.growfs"] : [])];
      return `${device} ${point} ${fsType} ${[...options, ...more].join(",")} 0 0\n`;
    })
    .join("");
}

/** As NixOS writes it: ports and keys, settings, and at its end what the module adds. */
function sshd({ ports, authorizedKeysFiles, settings, extraConfig }: Guest["ssh"]): string {
  const words = (value: string | boolean): string => (value === true ? "yes" : value === false ? "no" : value);
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${words(value)}`);
  const keys = `AuthorizedKeysFile ${authorizedKeysFiles.join(" ")}`;
  return [...ports.map((port) => `Port ${port}`), keys, ...lines, extraConfig].join("\n");
}

/** Where the unit of a first boot finds its script, as the module has it. */
export const specialiseScript = join(import.meta.dir, "../../guest/specialise.sh");
