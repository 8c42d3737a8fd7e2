{
  description = "A NixOS guest of qn";

  inputs = {
    qn.url = "github:OWNER/qn";
    nixpkgs.follows = "qn/nixpkgs";
  };

  # qn image build --guest nixos --flake .#guest   makes the image; `qn up --image nixos` boots it.
  # qn deploy .#guest                              brings a change into the running VM.
  outputs =
    { qn, ... }:
    {
      nixosConfigurations.guest = qn.lib.mkGuest {
        # aarch64-linux on Apple Silicon.
        system = "x86_64-linux";
        modules = [
          (
            { pkgs, ... }:
            {
              networking.hostName = "guest";
              environment.systemPackages = [ pkgs.git ];
            }
          )
        ];
      };
    };
}
