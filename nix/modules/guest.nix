# virtualisation.qn: a whole guest, as `qn up` boots it: the agent, the boot loader, the two disks and the serial console.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.virtualisation.qn;
  inherit (pkgs.stdenv.hostPlatform) isAarch64;
  protocol = builtins.elemAt (builtins.match ".*protocolVersion = ([0-9]+);.*" (
    builtins.readFile ../../src/protocol/messages.ts
  )) 0;
  onDataDisk = folder: {
    device = "/var/lib/qn/${folder}";
    fsType = "none";
    options = [
      "bind"
      "nofail"
      "x-systemd.requires-mounts-for=/var/lib/qn"
    ];
  };
in
{
  imports = [
    ./agent.nix
    ./image.nix
    ./specialise.nix
  ];

  options.virtualisation.qn = {
    enable = lib.mkEnableOption "this system as a guest of qn";

    image = {
      name = lib.mkOption {
        type = lib.types.strMatching "[a-z][a-z0-9-]*";
        default = "nixos";
        description = "The name of the image, which `qn up --image` asks for.";
      };
      version = lib.mkOption {
        type = lib.types.nonEmptyStr;
        default = config.system.nixos.label;
        defaultText = lib.literalExpression "config.system.nixos.label";
        description = "The version of the image, as `qn status` shows it.";
      };
      manifest = lib.mkOption {
        type = lib.types.attrsOf lib.types.anything;
        internal = true;
        readOnly = true;
        description = "What image.json says of the guest.";
      };
    };

    sound.enable = lib.mkEnableOption "sound, for a VM whose settings say `sound: true`";

    desktop.enable = lib.mkEnableOption "a desktop (Xfce), for a VM whose settings say `window: true`";
  };

  config = lib.mkIf cfg.enable {
    services.qn-agent.enable = true;

    boot = {
      loader = {
        systemd-boot.enable = lib.mkDefault true;
        timeout = lib.mkDefault 0;
        # The firmware's variables are the VM's, not the image's: it boots from the removable path.
        efi.canTouchEfiVariables = lib.mkDefault false;
      };
      growPartition = lib.mkDefault true;
      initrd.availableKernelModules = [
        "virtio_pci"
        "virtio_blk"
      ];
      kernelParams = [
        (if isAarch64 then "console=ttyAMA0" else "console=ttyS0,115200")
        # A kernel that cannot go on starts anew: nobody is there to press the button.
        "panic=-1"
      ];
    };

    fileSystems = {
      "/" = {
        device = lib.mkDefault "/dev/disk/by-label/nixos";
        fsType = lib.mkDefault "ext4";
        autoResize = lib.mkDefault true;
      };
      "/boot" = {
        device = lib.mkDefault "/dev/disk/by-label/ESP";
        fsType = lib.mkDefault "vfat";
      };
      # guest/fstab: found by its serial, formatted when blank, grown when it grew; nofail, so that sshd answers without it.
      "/var/lib/qn" = {
        device = "/dev/disk/by-id/virtio-qn-data";
        fsType = "ext4";
        autoFormat = true;
        autoResize = true;
        options = [
          "noatime"
          "discard"
          "nofail"
          "x-systemd.device-timeout=30s"
        ];
      };
      "/var/lib/docker" = onDataDisk "docker";
      "/var/lib/containerd" = onDataDisk "containerd";
    };

    virtualisation.qn.image.manifest = {
      inherit (cfg.image) name version;
      arch = pkgs.stdenv.hostPlatform.parsed.cpu.name;
      protocol = lib.toInt protocol;
      recipe = "nixos";
      inputs = builtins.hashString "sha256" config.system.nixos.label;
    };
    environment.etc."qn/image.json".text = builtins.toJSON cfg.image.manifest;

    services.pipewire = lib.mkIf cfg.sound.enable {
      enable = true;
      alsa.enable = true;
      pulse.enable = true;
    };

    services.xserver = lib.mkIf cfg.desktop.enable {
      enable = true;
      desktopManager.xfce.enable = true;
    };

    # Nix in the guest builds for `qn deploy` and keeps room for Docker's own; the channel would be a copy of nixpkgs.
    nix = {
      channel.enable = lib.mkDefault false;
      settings.experimental-features = [
        "nix-command"
        "flakes"
      ];
    };
  };
}
