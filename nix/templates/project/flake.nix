{
  description = "A project whose containers run in qn";

  inputs = {
    qn.url = "github:OWNER/qn";
    nixpkgs.follows = "qn/nixpkgs";
  };

  outputs =
    { nixpkgs, qn, ... }:
    {
      devShells = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] (system: {
        default = nixpkgs.legacyPackages.${system}.mkShell {
          packages = [
            qn.packages.${system}.qn
            nixpkgs.legacyPackages.${system}.docker-client
          ];
        };
      });
    };
}
