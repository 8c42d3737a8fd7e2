{
  description = "A Docker for Mac and Linux that behaves as if it ran natively, in a NixOS guest";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forEach = lib.genAttrs systems;
      pkgsOf = system: nixpkgs.legacyPackages.${system};
      # The agent of this flake, unless a system names another one.
      withAgent =
        module:
        { pkgs, ... }:
        {
          imports = [ module ];
          services.qn-agent.package =
            lib.mkDefault
              self.packages.${pkgs.stdenv.hostPlatform.system}.qn-agent;
        };
      mkGuest =
        {
          system,
          modules ? [ ],
        }:
        lib.nixosSystem {
          modules = [
            self.nixosModules.guest
            {
              nixpkgs.hostPlatform = system;
              virtualisation.qn.enable = true;
              system.stateVersion = lib.mkDefault "26.05";
            }
          ]
          ++ modules;
        };
    in
    {
      packages = forEach (system: import ./nix/pkgs (pkgsOf system));

      apps = forEach (system: {
        default = {
          type = "app";
          program = lib.getExe self.packages.${system}.qn;
        };
      });

      nixosModules = {
        agent = withAgent ./nix/modules/agent.nix;
        guest = withAgent ./nix/modules/guest.nix;
      };

      nixosConfigurations = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: mkGuest { inherit system; });

      lib = { inherit mkGuest; };

      devShells = forEach (system: {
        default = (pkgsOf system).mkShell {
          packages = [
            self.packages.${system}.bun
            self.packages.${system}.qn
            (pkgsOf system).docker-client
          ];
          # As `eval "$(qn env)"` does, without starting anything.
          shellHook = ''
            export DOCKER_HOST="unix://''${QN_HOME:-$HOME/.qn}/default/docker.sock"
          '';
        };
      });

      formatter = forEach (system: (pkgsOf system).nixfmt);
    };
}
