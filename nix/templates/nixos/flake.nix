{
  description = "A NixOS machine with VMs of qn";

  inputs = {
    qn.url = "github:OWNER/qn";
    nixpkgs.follows = "qn/nixpkgs";
  };

  outputs =
    { nixpkgs, qn, ... }:
    let
      system = "x86_64-linux";
    in
    {
      nixosConfigurations.machine = nixpkgs.lib.nixosSystem {
        modules = [
          qn.nixosModules.host
          {
            nixpkgs.hostPlatform = system;
            system.stateVersion = "26.05";

            # Your own disks and boot loader belong here.
            fileSystems."/" = {
              device = "/dev/disk/by-label/nixos";
              fsType = "ext4";
            };
            boot.loader.systemd-boot.enable = true;

            networking.bridges.br0.interfaces = [ "enp1s0" ];

            services.qn = {
              enable = true;
              vms = {
                # Both start from one image; what each changes is its own.
                web = {
                  image = qn.packages.${system}.image;
                  bridge = "br0";
                  settings.memoryMiB = 2048;
                };
                build = {
                  image = qn.packages.${system}.image;
                  autoStart = false;
                  settings = {
                    cpus = 8;
                    mounts = [ { path = "/srv/src"; } ];
                  };
                };
              };
            };
          }
        ];
      };
    };
}
