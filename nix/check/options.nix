# The NixOS options that qn's modules set, with NixOS' names and types, so that a wrong name or type is found without nixpkgs.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  flag = option types.bool;
  strings = option (types.listOf types.str) [ ];
  maybe = type: option (types.nullOr type) null;
  packages = option (types.listOf types.package) [ ];
  many = options: option (types.attrsOf (types.submodule { inherit options; })) { };
  scalar = types.nullOr (
    types.oneOf [
      types.bool
      types.int
      types.str
    ]
  );
  # As NixOS' own (nixos/modules/config/sysctl.nix): of one priority there is one definition, even where two say the same.
  sysctl = scalar // {
    merge = lib.mergeOneOption;
  };
in
{
  options = {
    assertions = option (types.listOf (
      types.submodule {
        options = {
          assertion = mkOption { type = types.bool; };
          message = mkOption { type = types.str; };
        };
      }
    )) [ ];
    warnings = strings;

    boot = {
      growPartition = flag false;
      initrd.availableKernelModules = strings;
      kernel.sysctl = option (types.attrsOf sysctl) { };
      kernelModules = strings;
      kernelParams = strings;
      loader = {
        systemd-boot.enable = flag false;
        timeout = option (types.nullOr types.int) 5;
        efi.canTouchEfiVariables = flag false;
      };
    };

    environment = {
      etc = many {
        source = maybe types.path;
        text = maybe types.lines;
        mode = option types.str "symlink";
      };
      systemPackages = packages;
    };

    fileSystems = many {
      device = maybe types.nonEmptyStr;
      fsType = option types.nonEmptyStr "auto";
      options = option (types.nonEmptyListOf types.nonEmptyStr) [ "defaults" ];
      autoFormat = flag false;
      autoResize = flag false;
    };

    networking = {
      useNetworkd = flag false;
      useDHCP = flag true;
      nameservers = strings;
      hostName = option types.str "nixos";
      firewall.enable = flag true;
      bridges = many { interfaces = strings; };
      nat = {
        enable = flag false;
        internalInterfaces = strings;
        externalInterface = maybe types.str;
      };
    };

    nixpkgs.hostPlatform = maybe types.str;

    containers = many {
      autoStart = flag false;
      ephemeral = flag false;
      privateNetwork = flag false;
      hostAddress = maybe types.str;
      localAddress = maybe types.str;
      macvlans = strings;
      forwardPorts = option (types.listOf (
        types.submodule {
          options = {
            protocol = option types.str "tcp";
            hostPort = mkOption { type = types.port; };
            containerPort = maybe types.port;
          };
        }
      )) [ ];
      bindMounts = many {
        hostPath = maybe types.str;
        isReadOnly = flag true;
      };
      config = option types.deferredModule { };
    };

    nix = {
      channel.enable = flag true;
      distributedBuilds = flag false;
      buildMachines = option (types.listOf types.attrs) [ ];
      settings = option (types.attrsOf types.anything) { };
    };

    programs.ssh.extraConfig = option types.lines "";

    security.sudo.extraConfig = option types.lines "";

    services = {
      resolved.enable = flag true;
      pipewire = {
        enable = flag false;
        alsa.enable = flag false;
        pulse.enable = flag false;
      };
      xserver = {
        enable = flag false;
        desktopManager.xfce.enable = flag false;
      };
      udev.packages = packages;
      userdbd.enable = flag false;
      openssh = {
        enable = flag false;
        ports = option (types.listOf types.port) [ 22 ];
        openFirewall = flag true;
        hostKeys = option (types.listOf types.attrs) [ { } ];
        authorizedKeysFiles = strings;
        extraConfig = option types.lines "";
        settings = option (types.submodule {
          freeformType = types.attrsOf scalar;
          options = {
            PasswordAuthentication = option (types.nullOr types.bool) true;
            KbdInteractiveAuthentication = option (types.nullOr types.bool) true;
            X11Forwarding = option (types.nullOr types.bool) false;
            UseDns = option (types.nullOr types.bool) false;
            PermitRootLogin = option (types.nullOr (
              types.enum [
                "yes"
                "without-password"
                "prohibit-password"
                "forced-commands-only"
                "no"
              ]
            )) "prohibit-password";
          };
        }) { };
      };
    };

    system = {
      nixos.label = option types.str "26.05.stub";
      stateVersion = maybe types.str;
      build = option (types.lazyAttrsOf types.unspecified) { };
    };

    systemd = import ./systemd.nix { inherit lib pkgs; } // {
      inherit packages;
      network = {
        wait-online.enable = flag true;
        networks = many {
          matchConfig = option (types.attrsOf scalar) { };
          address = strings;
        };
      };
      tmpfiles = {
        rules = strings;
        settings = option (types.attrsOf (
          types.attrsOf (types.attrsOf (types.submodule { options.argument = option types.str ""; }))
        )) { };
      };
    };

    users = {
      users = many {
        isSystemUser = flag false;
        isNormalUser = flag false;
        group = option types.str "";
        home = option types.path "/var/empty";
        description = option types.str "";
        extraGroups = strings;
        openssh.authorizedKeys.keys = option (types.listOf types.singleLineStr) [ ];
      };
      groups = many { gid = maybe types.int; };
    };

    # Those of nixpkgs' VM tests.
    virtualisation.memorySize = option types.ints.positive 1024;
    virtualisation.diskSize = option types.ints.positive 1024;
    virtualisation.qemu.options = strings;

    virtualisation.docker = {
      enable = flag false;
      liveRestore = flag true;
      logDriver = option (types.enum [
        "none"
        "json-file"
        "journald"
        "local"
        "syslog"
      ]) "journald";
      daemon.settings = option (types.submodule {
        freeformType = types.attrsOf types.anything;
        options.live-restore = flag config.virtualisation.docker.liveRestore;
      }) { };
    };
  };

  # What NixOS sets itself in a guest, with its priorities (26.11, 2026-07-14); without kernel.poweroff_cmd, a path of its store.
  config.boot.kernel.sysctl = lib.mkMerge (
    map ({ name, value, priority, ... }: { ${name} = lib.mkOverride priority value; }) (lib.importJSON ./sysctl.json)
  );

  config.system.build.toplevel = pkgs.writeText "nixos-system" (
    builtins.toJSON {
      inherit (config.system) stateVersion;
      inherit (config.boot.kernel) sysctl;
    }
  );
}
