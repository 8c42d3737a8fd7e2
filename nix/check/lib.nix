# nixpkgs' lib, with what Debian's Nix is too old for: `lib.fileset` needs Nix 2.14, and for what is evaluated here the tree
# without what is made from it will do.
nixpkgsLib:
let
  lib = import nixpkgsLib;
  made = [
    ".git"
    "dist"
    "node_modules"
  ];
in
if builtins ? readFileType then
  lib
else
  lib
  // {
    fileset = {
      toSource =
        { root, ... }:
        builtins.path {
          path = root;
          name = "source";
          filter = path: _: !(builtins.elem (baseNameOf path) made);
        };
      unions = paths: paths;
    };
  }
