{
  description = "A Docker for Mac and Linux that behaves as if it ran natively";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      guestSystems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      systems = guestSystems ++ [
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forEach = lib.genAttrs systems;
      pkgsOf = system: nixpkgs.legacyPackages.${system};
      # The system of the guest that a machine runs at full speed.
      guestOf = lib.replaceStrings [ "darwin" ] [ "linux" ];

      # A module with the program of this flake, unless a configuration names another one.
      withProgram =
        option: name: module:
        { pkgs, ... }:
        {
          imports = [ module ];
          services.${option}.package = lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.${name};
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
      packages = forEach (
        system:
        import ./nix/pkgs (pkgsOf system)
        // {
          image = self.nixosConfigurations.${guestOf system}.config.system.build.qnImage;
        }
      );

      apps = forEach (system: rec {
        qn = {
          type = "app";
          program = lib.getExe self.packages.${system}.qn;
        };
        default = qn;
      });

      nixosModules = {
        agent = withProgram "qn-agent" "qn-agent" ./nix/modules/agent.nix;
        guest = withProgram "qn-agent" "qn-agent" ./nix/modules/guest.nix;
        host = withProgram "qn" "qn" ./nix/modules/host.nix;
        default = self.nixosModules.host;
      };
      darwinModules.default = withProgram "qn" "qn" ./nix/modules/darwin.nix;
      homeModules.default = withProgram "qn" "qn" ./nix/modules/home.nix;

      nixosConfigurations = lib.genAttrs guestSystems (system: mkGuest { inherit system; });

      lib = { inherit mkGuest; };

      templates = rec {
        guest = {
          path = ./nix/templates/guest;
          description = "A NixOS guest of qn with your own configuration";
        };
        nixos = {
          path = ./nix/templates/nixos;
          description = "A NixOS machine with VMs of qn, in its network and beside it";
        };
        darwin = {
          path = ./nix/templates/darwin;
          description = "A Mac with nix-darwin whose Docker is a VM of qn";
        };
        project = {
          path = ./nix/templates/project;
          description = "A project whose shell has qn's Docker, with .envrc";
        };
        default = project;
      };

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

      checks = lib.genAttrs guestSystems (system: {
        inherit (self.packages.${system}) qn qn-agent;
        guest = self.nixosConfigurations.${system}.config.system.build.toplevel;
        vm = import ./nix/check/vm-test.nix {
          inherit self;
          pkgs = pkgsOf system;
        };
      });
    };
}
