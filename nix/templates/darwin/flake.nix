{
  description = "A Mac whose Docker is a VM of qn";

  inputs = {
    qn.url = "github:OWNER/qn";
    nixpkgs.follows = "qn/nixpkgs";
    nix-darwin = {
      url = "github:nix-darwin/nix-darwin/nix-darwin-26.05";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    { nix-darwin, qn, ... }:
    {
      darwinConfigurations.mac = nix-darwin.lib.darwinSystem {
        modules = [
          qn.darwinModules.default
          (
            { pkgs, ... }:
            {
              nixpkgs.hostPlatform = "aarch64-darwin";
              system = {
                stateVersion = 6;
                primaryUser = "ann";
              };
              environment.systemPackages = [ pkgs.docker-client ];

              services.qn = {
                enable = true;
                vms.default.settings.memoryMiB = 8192;
              };
            }
          )
        ];
      };
    };
}
