# Everything that is built here, from any nixpkgs.
pkgs:
let
  inherit (pkgs) lib callPackage;
  lock = import ./lock.nix {
    inherit lib;
    root = ../..;
  };
  npmPackage = callPackage ./npm-package.nix { };
  bun = callPackage ./bun.nix { inherit npmPackage lock; };
  nodeModules = callPackage ./node-modules.nix { inherit npmPackage lock; };
  qn = callPackage ./qn.nix { inherit bun nodeModules lock; };
in
{
  inherit bun qn;
  qn-agent = callPackage ./qn.nix {
    inherit bun nodeModules lock;
    withQemu = false;
  };
  default = qn;
}
