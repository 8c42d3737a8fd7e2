# services.qn.vms.<name>: what NixOS, nix-darwin and home-manager have in common.
{
  config,
  lib,
  pkgs,
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.qn;
  vms = lib.filterAttrs (_: vm: vm.enable) cfg.vms;
  builders = lib.filterAttrs (_: vm: vm.nixBuilder) vms;
  settings = import ./settings.nix { inherit lib; };
  namePattern = "[a-z]([a-z0-9-]{0,29}[a-z0-9])?";
  # The longest of a VM's sockets below QN_HOME/NAME/; an address has 103 bytes (src/host/layout.ts).
  homeFits = home: name: builtins.stringLength "${home}/${name}/control.sock" <= 103;
in
{
  inherit cfg vms builders;

  # `more` is what a kind of host knows besides.
  options =
    { more }:
    {
      enable = lib.mkEnableOption "VMs of qn, each with a Docker of its own";

      package = mkOption {
        type = types.package;
        description = "The qn that runs the VMs.";
      };

      vms = mkOption {
        default = { };
        description = "VMs by name.";
        type = types.attrsOf (
          types.submodule (
            { name, config, ... }:
            {
              imports = [ more ];
              options = {
                enable = mkOption {
                  type = types.bool;
                  default = true;
                  description = "Whether there is this VM; its data stays when there is not.";
                };

                autoStart = mkOption {
                  type = types.bool;
                  default = true;
                  description = "Whether it starts by itself.";
                };

                image = mkOption {
                  type = types.nullOr types.package;
                  default = null;
                  example = lib.literalExpression "inputs.qn.packages.\${system}.image";
                  description = ''
                    The image that its system disk is made from, in the Nix store: many VMs may share one. Without it qn looks for
                    the image that `settings.image` names.
                  '';
                };

                settings = mkOption {
                  type = types.submodule { inherit (settings) options; };
                  default = { };
                  description = "The VM's settings, as in its config.yaml (docs/config.md); what is not said is qn's default.";
                };

                settingsFile = mkOption {
                  type = types.path;
                  internal = true;
                  readOnly = true;
                  description = "The settings as qn reads them.";
                };
              };

              config = {
                settings.image = lib.mkIf (config.image != null) "${config.image}";
                settingsFile = pkgs.writeText "qn-${name}.json" (settings.fileText config.settings);
              };
            }
          )
        );
      };
    };

  # Where the machine's own Nix is configured: whether a VM builds for it.
  builderOption =
    { config, ... }:
    {
      options.nixBuilder = mkOption {
        type = types.bool;
        default = false;
        description = "Whether this machine's Nix builds Linux derivations in the VM, whose guest has to have Nix.";
      };
      config.settings.nixBuilder = lib.mkIf config.nixBuilder true;
    };

  # As `qn nix-builder enable` has it in /etc/nix/machines (src/host/integrate/nix-builder.ts).
  nix = lib.mkIf (builders != { }) {
    distributedBuilds = true;
    buildMachines = lib.mapAttrsToList (name: vm: {
      hostName = "qn-${name}-builder";
      protocol = "ssh-ng";
      sshUser = "root";
      systems = [
        "${if vm.settings.arch != null then vm.settings.arch else pkgs.stdenv.hostPlatform.parsed.cpu.name}-linux"
      ];
      maxJobs = if vm.settings.cpus != null then vm.settings.cpus else 4;
      supportedFeatures = [ "big-parallel" ];
    }) builders;
  };

  # Only root's ssh, that of Nix' daemon, may read the VM's folder.
  builderSsh = name: ''
    Match localuser root
      Include "${cfg.stateDir}/${name}/builder_ssh_config"
  '';

  # A folder that has to be named whole.
  folderOption = option: mkOption ({ type = types.strMatching "/.*[^/]"; } // option);

  # What only the whole shows.
  assertions = lib.concatLists (
    lib.mapAttrsToList (name: vm: [
      {
        assertion = builtins.match namePattern name != null;
        message = "services.qn.vms.${name}: a VM's name has lower-case letters, digits and hyphens, a letter first, at most 31 of them.";
      }
      {
        assertion = homeFits cfg.stateDir name;
        message = "services.qn.vms.${name}: the sockets in ${cfg.stateDir}/${name} have paths of more than 103 bytes.";
      }
      {
        assertion = vm.settings.network.tap or null == null || vm.settings.network.tap == "none" || pkgs.stdenv.hostPlatform.isLinux;
        message = "services.qn.vms.${name}.settings.network.tap: only Linux has TAP devices.";
      }
    ]) vms
  );

  # The command of a VM's service, words apart. `settingsFile` may be a path that outlives an update.
  command =
    {
      program,
      name,
      settingsFile,
    }:
    [
      program
      "supervise"
      name
      "--service"
      "--settings"
      settingsFile
    ];

  # A service's [Service] section besides its command, as `qn service install` writes it (src/host/integrate/service/service-files.ts).
  systemdService = {
    Type = "notify";
    NotifyAccess = "main";
    WorkingDirectory = "/";
    UMask = "0077";
    Restart = "on-failure";
    RestartSec = 5;
    # Statuses that a new start does not mend.
    RestartPreventExitStatus = "1 4 5 6 10 11 12 13 20 21";
    TimeoutStartSec = 60;
    TimeoutStopSec = 120;
    KillMode = "process";
  };

  # The same for launchd. QEMU has a session of its own, so no AbandonProcessGroup is needed.
  launchdService = {
    WorkingDirectory = "/";
    KeepAlive.SuccessfulExit = false;
    ThrottleInterval = 5;
    ExitTimeOut = 120;
    ProcessType = "Interactive";
    SoftResourceLimits.NumberOfFiles = 65536;
    Umask = 63;
  };
}
