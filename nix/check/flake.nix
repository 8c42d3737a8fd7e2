# The outputs of flake.nix and of the templates, with stand-ins for their inputs: nixpkgs, nix-darwin, and qn itself.
{ nixpkgs, darwinSystem }:
let
  inherit (nixpkgs) lib;
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
      machine =
        (lib.nixosSystem {
          modules = [
            test.nodes.guest
            { nixpkgs.hostPlatform = "x86_64-linux"; }
          ];
        }).config;
    };
  templates = lib.genAttrs [ "guest" "nixos" "darwin" "project" ] template;
}
