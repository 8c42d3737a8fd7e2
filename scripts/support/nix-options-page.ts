/** The page of the documentation that lists the options of the Nix modules, made from what Nix itself says about them. */
import { reflow } from "./reflow.ts";

/** An option as nix/check shows it; `default` is Nix, and null where there is none. */
export type NixOption = {
  readonly type: string;
  readonly description: string;
  readonly default: string | null;
};

/** The options of each module by name. */
export type NixOptions = Readonly<Record<"guest" | "host" | "darwin" | "home", Readonly<Record<string, NixOption>>>>;

/** docs/nix-options.md, whole. */
export function nixOptionsPage({ guest, host, darwin, home }: NixOptions): string {
  const hosts = { NixOS: host, "nix-darwin": darwin, "home-manager": home };
  const names = [...new Set(Object.values(hosts).flatMap((options) => Object.keys(options)))].toSorted();
  const ofHosts = names
    .filter((name) => !name.includes(".settings."))
    .flatMap((name) => {
      const where = Object.entries(hosts).filter(([, options]) => options[name] !== undefined);
      // Options that differ in what they say have a row for each kind of machine.
      const bySaying = Map.groupBy(where, ([, options]) => JSON.stringify(options[name]));
      return [...bySaying.values()].map((alike) => {
        const [, options] = alike[0] ?? [];
        const kinds = alike.length === 3 ? "all" : alike.map(([kind]) => kind).join(", ");
        return row(name, options?.[name], kinds);
      });
    });
  return reflow(
    `# Options of the Nix modules

## A guest

\`nixosModules.guest\`, and \`nixosModules.agent\` with \`services.qn-agent\` alone.

| Option | Meaning | Type | Default |
|---|---|---|---|
${Object.entries(guest)
  .map(([name, option]) => row(name, option))
  .join("\n")}

## VMs of a machine

\`nixosModules.host\`, \`darwinModules.default\` and \`homeModules.default\`. Below \`settings\` are those of [config.md](config.md), each with its
type; what is not said is qn's default.

| Option | Meaning | Type | Default | On |
|---|---|---|---|---|
${ofHosts.join("\n")}

This page is made from \`nix/modules\` by \`bun scripts/docs.ts\` where Nix and nixpkgs' \`lib\` are (NIXPKGS_LIB).
`,
    100,
  );
}

// --- internal ---

function row(name: string, option: NixOption | undefined, ...more: readonly string[]): string {
  const { type = "", description = "", default: initial } = option ?? { default: null };
  const meaning = description.replaceAll("\n", " ");
  const cells = [`\`${name}\``, meaning, type, initial === null ? "none" : `\`${initial}\``, ...more];
  return `| ${cells.map((cell) => cell.replaceAll("|", String.raw`\|`)).join(" | ")} |`;
}
