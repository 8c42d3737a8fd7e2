/** The flake and its templates, evaluated with stand-ins for their inputs: what a person finds there. */
import { expect } from "bun:test";
import { join } from "node:path";
import { type NixOptions, nixOptionsPage } from "../../../scripts/support/nix-options-page.ts";
import { evaluated, systems, valueOf } from "../../support/nix.ts";
import { repository } from "../../support/program.ts";

type Flake = {
  readonly packages: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly devShells: Readonly<Record<string, string>>;
  readonly formatters: readonly string[];
  readonly [other: string]: unknown;
};

const everywhere = [...systems.darwin, ...systems.linux].toSorted();

evaluated(
  "the flake has packages, shells and a formatter for four systems, guests for two, and modules for three kinds of hosts",
  ["flake"],
  async () => {
    const flake = await valueOf<Flake>("flake", "x86_64-linux");
    expect(Object.keys(flake.packages)).toEqual(everywhere);
    for (const system of everywhere) {
      const arch = system.split("-")[0] ?? "";
      expect(flake.packages[system]).toMatchObject({
        qn: expect.stringMatching(/^qn-\d/),
        "qn-agent": expect.stringMatching(/^qn-agent-\d/),
        image: `qn-image-nixos-${arch}`,
      });
      expect(flake.devShells[system]).toContain('DOCKER_HOST="unix://${QN_HOME:-$HOME/.qn}/default/docker.sock"');
    }
    expect(flake.formatters).toEqual(everywhere);
    expect(flake).toMatchObject({
      guests: { "aarch64-linux": "nixos-system", "x86_64-linux": "nixos-system" },
      modules: {
        nixosModules: ["agent", "default", "guest", "host"],
        darwinModules: ["default"],
        homeModules: ["default"],
      },
      checks: { "x86_64-linux": ["guest", "qn", "qn-agent", "vm"] },
      vmTest: { containers: ["web"], nat: { enable: true, internalInterfaces: ["ve-+"], externalInterface: "uplink" } },
      templates: { guest: true, nixos: true, darwin: true, project: true, default: true },
    });
  },
);

evaluated("the VM test finds nft, and asks sshd what it can say without a key of the host's", ["flake"], async () => {
  const { vmTest } = await valueOf<{ vmTest: { packages: readonly string[]; testScript: string } }>(
    "flake",
    "x86_64-linux",
  );
  expect(vmTest.testScript).toContain('"nft list table inet qn"');
  expect(vmTest.packages).toContain("nftables");
  expect(vmTest.testScript).toContain('"sshd -G ');
  expect(vmTest.testScript).not.toContain('"sshd -T');
});

evaluated("a guest's image is made without a copy of nixpkgs and says what it is", ["guest"], async () => {
  for (const system of systems.linux) {
    const module =
      '{ virtualisation.qn = { enable = true; image.name = "mine"; sound.enable = true; desktop.enable = true; }; }';
    const { image } = await valueOf<{ image: { name: string; manifest: string } }>("guest", system, module);
    const arch = system.split("-")[0] ?? "";
    expect(image.name).toBe(`qn-image-mine-${arch}`);
    expect(JSON.parse(image.manifest)).toMatchObject({
      name: "mine",
      arch,
      recipe: "nixos",
      inputs: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  }
});

evaluated("each template evaluates: a guest, a NixOS machine, a project's shell", ["templates"], async () => {
  type Templates = { guest: string; nixos: Record<string, string>; project: Record<string, readonly string[]> };
  const { guest, nixos, project } = await valueOf<Templates>("templates", "x86_64-linux");
  expect(guest).toBe("qn-image-nixos-x86_64");
  expect(Object.keys(nixos)).toEqual(["qn-build", "qn-web", "qn-web-tap"]);
  for (const system of everywhere)
    expect(project[system]?.map((name) => name.replace(/-[\d.]+$/, ""))).toEqual(["qn", "docker-client"]);
});

evaluated("the template of a Mac evaluates with nix-darwin's own modules", ["templates", "darwin"], async () => {
  const { darwin } = await valueOf<{ darwin: readonly string[] }>("templates", "aarch64-darwin");
  expect(darwin).toEqual(["org.nixos.qn-default.plist"]);
});

evaluated("docs/nix-options.md is what the script of the docs writes", ["options"], async () => {
  const page = await Bun.file(join(repository, "docs/nix-options.md")).text();
  expect(page).toBe(nixOptionsPage(await valueOf<NixOptions>("options", "x86_64-linux")));
  expect(page).toContain("| `services.qn.vms.<name>.bridge` |");
});
