# The outputs of flake.nix and of the templates, with stand-ins for their inputs: nixpkgs, nix-darwin, and qn itself.
{
  lib,
  pkgsFor,
  nixos,
  darwinSystem,
}:
let
  nixpkgs = {
    lib = lib // {
      nixosSystem =
        { modules }:
        {
          config = nixos modules;
        };
    };
    legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] pkgsFor;
  };
  # Where a module says for which system it is, its packages are that system's.
  outputsOf =
    path: inputs:
    let
      self = (import path).outputs (inputs // { inherit self; });
    in
    self;
  qn = outputsOf ../../flake.nix { inherit nixpkgs; };
  inputs = {
    inherit nixpkgs qn;
    nix-darwin.lib.darwinSystem = darwinSystem;
  };
  template = name: (import (../templates + "/${name}/flake.nix")).outputs (inputs // { self = { }; });
in
{
  inherit qn;
  # The VM test's machine, and what is done with it.
  vmTest =
    let
      test = import ./vm-test.nix {
        self = qn;
        pkgs.testers.runNixOSTest = lib.id;
      };
    in
    {
      inherit (test) name testScript;
      machine = nixos [
        test.nodes.guest
        { nixpkgs.hostPlatform = "x86_64-linux"; }
      ];
    };
  templates = lib.genAttrs [ "guest" "nixos" "darwin" "project" ] template;
}
