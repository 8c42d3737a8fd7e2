/** The page of the documentation that lists every setting: made from the table of settings, so that it cannot differ. */
import { editorSchema } from "../../src/host/config/editor-schema.ts";
import { leaves } from "../../src/host/config/schema.ts";
import { valueAt } from "../../src/host/config/setting.ts";
import { reflow } from "./reflow.ts";

/** A host for the defaults that depend on it. */
const sample = { os: "linux", arch: "x86_64", cpus: 8, memoryMiB: 16_384, homeFolder: "/home/ann" } as const;

/** docs/config.md, whole. */
export function configPage(): string {
  const rows = leaves.map(({ path, variable, help, initial, effective, rule }) => {
    const json = valueAt(editorSchema(), `properties.${path.replace(".", ".properties.")}`);
    const value = `\`${JSON.stringify(initial(sample))}\`${rule === undefined ? "" : `: ${rule}`}`;
    const cells = [`\`${path}\``, help, valuesOf(json), value, `\`${variable}\``];
    return `| ${[...cells, effective].join(" | ")} |`;
  });
  return reflow(
    `# Settings

A VM's settings are in \`config.yaml\` in its folder, those of all VMs in \`config.yaml\` in QN_HOME. All may be left out; the last
of these that names a setting wins: the default, the file of all VMs, the VM's own file, the variable, the command line.
Lists and mappings are replaced as a whole. A variable holds a list or a mapping in YAML, as in \`QN_MOUNTS='[{ path: /srv }]'\`.

\`\`\`sh
qn config show             # every setting, its value and where it comes from
qn config set cpus=4       # in the file of the VM "default"
qn config set web cpus=4   # of the VM "web"
qn config set --all cpus=4 # of all VMs
qn config edit             # in your editor; kept only when it is right
qn config schema           # JSON Schema, for editors
\`\`\`

| Setting | Meaning | Values | Default | Variable | Takes effect |
|---|---|---|---|---|---|
${rows.join("\n")}

## Commands in the guest

\`\`\`yaml
provision:
  - run: sysctl -w vm.swappiness=10 # at each boot
  - when: once # on each system disk; again when image or command have changed, or when it failed
    run: |
      apt-get update
      apt-get install --yes htop
\`\`\`

Root runs them one after the other, with the network there and before Docker starts: with \`sh -e\`, or whatever a first line
\`#!…\` names. \`QN_VM\` and \`QN_USER\` name the VM and the login user. They travel in the boot credential and are files for root
alone in the guest; nothing of them is on a command line, and \`qn report\` leaves them out. \`qn up\` reports
one that fails, with its status and its last line; \`qn logs --source agent\` has all that it said; the others and Docker go on.
Together they may take half an hour. What needs Docker is better done from this machine, after \`qn up\`.

## Disks

\`\`\`sh
qn config set diskGiB=100  # the data disk, with all of Docker's; at once, also while the VM runs
qn disk add db 20G         # 20 GiB more: /var/lib/qn-disks/db in the guest, at its next start
docker run -v /var/lib/qn-disks/db:/var/lib/postgresql postgres
qn disk ls                 # sizes, and what they take on this machine
qn disk rm db              # its data stays, and comes back with the name; --data deletes it
\`\`\`

Disks are files that take what is used: what containers, Docker or programs delete is given back to this machine. They grow and never
shrink; \`qn up --disk\` writes the size into the VM's settings. A further disk is the root user's in the guest, has ext4, and is mounted before Docker starts. One that holds
anything else, such as a file that you have put in its place in \`_data/<vm>.disks\`, is not mounted and never formatted.
Sizes of \`volumes\` in \`qn config edit\` grow as \`diskGiB\` does. Names have lower-case letters, digits and hyphens, at most 16.

\`QN_TRACE\`, for whoever looks for a fault, is no setting: [what the supervisor says and hears](../CONTRIBUTING.md#see-inside).

The defaults are those of a Linux machine with 8 processors and 16 GiB. This page is made from \`src/host/config/settings-table.ts\` by
\`bun scripts/docs.ts\`.
`,
    100,
  );
}

// --- internal ---

function valuesOf(json: unknown): string {
  const options = valueAt(json, "enum");
  if (Array.isArray(options)) return options.map((option) => `\`${option}\``).join(", ");
  const [min, max] = [valueAt(json, "minimum"), valueAt(json, "maximum")];
  if (min !== undefined) return `${JSON.stringify(min)} to ${JSON.stringify(max)}`;
  const items = valueAt(json, "items");
  if (items !== undefined) return `list of ${itemWords(items)}`;
  return typeWords[String(valueAt(json, "type"))] ?? "text";
}

function itemWords(items: unknown): string {
  const names = Object.keys(Object(valueAt(items, "properties")));
  return names.length === 0 ? "values" : names.map((name) => `\`${name}\``).join(", ");
}

const typeWords: Record<string, string> = { boolean: "`true`, `false`", object: "mapping", string: "text" };
