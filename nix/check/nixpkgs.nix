# A stand-in for nixpkgs, made of its `lib` alone: a flake's outputs, with packages that are names and NixOS options that are types.
nixpkgsLib:
let
  plain = import ./lib.nix nixpkgsLib;
  pkgsFor = system: import ./pkgs.nix { lib = plain; inherit system; };
in
rec {
  inherit pkgsFor;

  # Everything that a failed assertion should keep from being built.
  checked =
    config: value:
    let
      failed = map (each: each.message) (builtins.filter (each: !each.assertion) config.assertions);
    in
    if failed == [ ] then value else throw "Failed assertions:\n${plain.concatMapStrings (message: "- ${message}\n") failed}";

  # Modules with NixOS' options; `args` is a module that says which packages they get.
  nixosWith =
    args: modules:
    plain.evalModules {
      class = "nixos";
      specialArgs.modulesPath = ./nixpkgs/nixos/modules;
      modules = [
        ./options.nix
        args
      ]
      ++ modules;
    };

  lib = plain // {
    # Where a module says for which system it is, its packages are that system's.
    nixosSystem =
      { modules }:
      let
        evaluated = nixosWith (
          { config, ... }:
          {
            _module.args.pkgs = pkgsFor config.nixpkgs.hostPlatform;
          }
        ) modules;
      in
      checked evaluated.config { inherit (evaluated) config; };
  };

  legacyPackages = plain.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] pkgsFor;
}
