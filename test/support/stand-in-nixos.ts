/** Systems shaped like NixOS' for a guest that is not NixOS: what `qn deploy` needs of one, and what may go wrong with it. */
import { quoted } from "../../src/base/shell.ts";
import { join } from "node:path";
import { run } from "../../src/system/process.ts";

/** Where the systems are in the guest. */
const place = "/var/lib/systems";

/**
 * Each system by name, with what activating it does besides. Each one first brings back what others have spoiled, as NixOS
 * starts whatever a system wants to run.
 */
const systems = {
  first: "",
  second: "",
  // The gate and the hooks are gone, and Docker hangs for want of its plugins.
  "kills-agent": "systemctl stop qn-agent.socket qn-agent.service",
  "kills-docker":
    "systemctl stop docker.socket docker.service; systemctl mask --runtime docker.socket docker.service 2>&1",
  hangs: "echo now it hangs; sleep infinity",
  // As NixOS' own: 4 when units could not be started.
  fails: "echo warning: the following units failed: web.service; exit 4",
} as const;

/** A system's name. */
export type SystemName = keyof typeof systems;

/** Its path in the guest. */
export const systemPath = (name: SystemName): string => join(place, name);

/** As NixOS' script of this name: an action, and everything that it has done is in a log. */
function switchScript(name: SystemName): string {
  return `#!/bin/sh
echo "$1 ${name}" >> ${place}/log
case $1 in
  boot) ln -sfn ${systemPath(name)} ${place}/boots ;;
  dry-activate) echo "would activate ${name}" ;;
  test)
    ln -sfn ${systemPath(name)} /run/current-system
    systemctl unmask --runtime docker.socket docker.service 2>/dev/null
    systemctl start qn-agent.socket qn-agent.service docker.socket docker.service
    ${systems[name] || ":"} ;;
esac
`;
}

/** The part of nix-env that keeps generations of a profile. */
const nixEnv = `#!/bin/sh
profile=$2
mkdir -p "\${profile%/*}"
case $3 in
  --set)
    last=$(readlink "$profile" | sed 's/.*-\\([0-9]*\\)-link$/\\1/')
    number=$((\${last:-0} + 1))
    ln -sfn "$4" "$profile-$number-link" ;;
  --switch-generation) number=$4 ;;
esac
ln -sfn "system-$number-link" "$profile"
`;

/** Runs a shell script as root in the guest; its output. Throws with what it said. */
export async function inGuest(vmFolder: string, script: string): Promise<string> {
  const command = ["ssh", "-F", join(vmFolder, "ssh_config"), "root@qn-default", `sh -euc ${quoted(script)}`];
  const { exitCode, stdout, stderr } = await run(command);
  if (exitCode !== 0) throw new Error(`${script} ended with status ${exitCode}: ${stderr}`);
  return stdout.trim();
}

/** Puts the systems into the guest; it runs and boots the first. */
export async function installSystems(vmFolder: string): Promise<void> {
  const files = [
    ["/usr/local/bin/nix-env", nixEnv] as const,
    ...Object.keys(systems).map(
      (name) => [`${place}/${name}/bin/switch-to-configuration`, switchScript(name as SystemName)] as const,
    ),
  ];
  const writes = files.map(
    ([path, text]) => `mkdir -p ${join(path, "..")}; printf %s ${quoted(text)} > ${path}; chmod +x ${path}`,
  );
  const first = systemPath("first");
  const begin = `nix-env --profile /nix/var/nix/profiles/system --set ${first}; ${first}/bin/switch-to-configuration boot`;
  await inGuest(vmFolder, [...writes, begin, `ln -sfn ${first} /run/current-system`].join("\n"));
}

/** While this pipe is there, a rebuild waits until somebody writes a line to it. */
export const rebuildHold = join(place, "hold");

/** What Nix does with a flake that has no lock, unless it is told not to: it writes one, or fails where it may not. */
export const writesLock = `case " $* " in
  *" --no-write-lock-file "*) ;;
  *) folder=\${3#path:}; echo '{ }' > "\${folder%%#*}/flake.lock" || exit 1 ;;
esac`;

/** What nixos-rebuild does of `boot --flake path:FOLDER#NAME`, and a note of it. It says what it builds, in colour as Nix does. */
const nixosRebuild = `#!/bin/sh
echo "$*" >> ${place}/rebuilt
${writesLock}
system=${place}/\${3##*#}
printf "building '\\033[35;1m/nix/store/nixos-system-\${3##*#}.drv\\033[0m'...\\n" >&2
[ ! -p ${rebuildHold} ] || read -r _ < ${rebuildHold}
[ -d "$system" ] || { echo "error: flake has no \${3##*#}" >&2; exit 1; }
nix-env --profile /nix/var/nix/profiles/system --set "$system"
exec "$system/bin/switch-to-configuration" boot
`;

/** What a boot loader and stage 2 do: the system that boots is the one that runs. */
const bootUnit = `[Unit]
DefaultDependencies=no
After=local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ln -sfn $$(readlink -f ${place}/boots) /run/current-system; echo $$(($$(cat ${place}/boots-count) + 1)) > ${place}/boots-count'
[Install]
WantedBy=sysinit.target
`;

/** Puts the unit and the script of a first boot into the guest, and a boot loader's part; it counts its boots from then on. */
export async function installFirstBoot(vmFolder: string, unit: string, script: string): Promise<void> {
  const at = "/usr/local/lib/specialise.sh";
  const units = "/etc/systemd/system";
  const files = [
    [at, script],
    ["/usr/local/bin/nixos-rebuild", nixosRebuild],
    [`${units}/qn-specialise.service`, unit.replace("@specialise@", at)],
    [`${units}/stand-in-boot.service`, bootUnit],
  ] as const;
  const writes = files.map(([path, text]) => `printf %s ${quoted(text)} > ${path}`);
  const enable = "systemctl --quiet enable qn-specialise.service stand-in-boot.service";
  const more = ["chmod +x /usr/local/bin/nixos-rebuild", `echo 0 > ${place}/boots-count`, enable];
  await inGuest(vmFolder, [...writes, ...more].join("\n"));
}

/** What runs, what boots, what the profile has, and which generation of it that is. */
export async function systemsNow(
  vmFolder: string,
): Promise<Record<"runs" | "boots" | "profile" | "generation", string>> {
  const said = await inGuest(
    vmFolder,
    `for link in /run/current-system ${place}/boots /nix/var/nix/profiles/system; do basename "$(readlink -f $link)"; done
     readlink /nix/var/nix/profiles/system`,
  );
  const [runs = "", boots = "", profile = "", generation = ""] = said.split("\n");
  return { runs, boots, profile, generation: generation.replaceAll(/\D/g, "") };
}
