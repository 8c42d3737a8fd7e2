# services.qn on NixOS: VMs as systemd services of one user, in the network of a bridge where that is asked for.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  vm = import ./vm.nix { inherit config lib pkgs; };
  inherit (vm) builders cfg vms;
  inherit (lib) mkOption types;
  hasOwnUser = cfg.user == "qn";
  # IFNAMSIZ leaves 15 letters.
  tapOf =
    name:
    let
      plain = "qn-${name}";
    in
    if builtins.stringLength plain <= 15 then plain else "qn-${builtins.substring 0 12 (builtins.hashString "sha256" name)}";
  deviceUnit = interface: "sys-subsystem-net-devices-${lib.replaceStrings [ "-" ] [ "\\x2d" ] interface}.device";
  ip = lib.getExe' pkgs.iproute2 "ip";

  vmService = name: each: {
    description = "qn's VM ${name}";
    wantedBy = lib.optional each.autoStart "multi-user.target";
    wants = [ "network.target" ];
    after = [ "network.target" ];
    requires = lib.optional (each.bridge != null) "qn-${name}-tap.service";
    unitConfig = {
      StartLimitIntervalSec = 300;
      StartLimitBurst = 10;
    };
    # A switch of this machine must not stop what runs in the VM; `systemctl restart qn-${name}` takes up what changed.
    inherit (each) restartIfChanged;
    environment = {
      HOME = cfg.stateDir;
      QN_HOME = cfg.stateDir;
    };
    serviceConfig = vm.systemdService // {
      User = cfg.user;
      Group = cfg.group;
      SupplementaryGroups = [ "kvm" ];
      ExecStart = lib.escapeShellArgs (
        vm.command {
          program = lib.getExe cfg.package;
          inherit name;
          settingsFile = "${each.settingsFile}";
        }
      );
    }
    // lib.optionalAttrs (each.image != null) {
      # The image stays while the VM has a disk on it, also when this machine's configuration has long forgotten it.
      ExecStartPre = "+${lib.getExe' pkgs.coreutils "ln"} -sfn ${each.image} /nix/var/nix/gcroots/qn-${name}";
    };
  };

  tapService = name: each: {
    description = "The place of qn's VM ${name} in the bridge ${each.bridge}";
    after = [ (deviceUnit each.bridge) ];
    bindsTo = [ (deviceUnit each.bridge) ];
    before = [ "qn-${name}.service" ];
    restartIfChanged = false;
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = [
        "${ip} tuntap add dev ${tapOf name} mode tap user ${cfg.user}"
        "${ip} link set dev ${tapOf name} master ${each.bridge} up"
      ];
      ExecStop = "${ip} tuntap del dev ${tapOf name} mode tap";
    };
  };

  bridged = lib.filterAttrs (_: each: each.bridge != null) vms;
in
{
  options.services.qn =
    vm.options {
      more =
        { name, config, ... }:
        {
          imports = [ vm.builderOption ];
          options = {
            bridge = mkOption {
              type = types.nullOr (types.strMatching "[A-Za-z0-9][A-Za-z0-9._-]{0,14}");
              default = null;
              example = "br0";
              description = ''
                A bridge of this machine (`networking.bridges`) that a second network card of the VM is in, as a machine of that
                network. Without it the VM has the user network alone, where qn forwards published ports.
              '';
            };

            restartIfChanged = mkOption {
              type = types.bool;
              default = false;
              description = "Whether a switch of this machine restarts the VM when its service has changed.";
            };
          };

          config.settings = {
            # The user of the service has no home folder to share and no Docker settings to change.
            mounts = lib.mkDefault [ ];
            docker.context = lib.mkDefault "none";
            network.tap = lib.mkIf (config.bridge != null) (tapOf name);
          };
        };
    }
    // {
      user = mkOption {
        type = types.strMatching "[a-z_][a-z0-9_-]*";
        default = "qn";
        description = "The user who runs the VMs and alone may use their Docker sockets; a user called qn is made.";
      };

      group = mkOption {
        type = types.nonEmptyStr;
        default = if hasOwnUser then "qn" else "users";
        defaultText = lib.literalExpression ''if user == "qn" then "qn" else "users"'';
        description = "The group of the VMs' processes.";
      };

      stateDir = vm.folderOption {
        default = "/var/lib/qn-vms";
        description = "QN_HOME of the VMs: settings, disks, sockets, logs.";
      };
    };

  config = lib.mkIf cfg.enable {
    assertions =
      vm.assertions
      ++ [
        {
          assertion = cfg.stateDir != "/var/lib/qn";
          message = "services.qn.stateDir: /var/lib/qn is the data disk of a guest of qn; choose another folder.";
        }
        {
          assertion = cfg.user != "root";
          message = "services.qn.user: QEMU needs no root; choose another user.";
        }
      ]
      ++ lib.mapAttrsToList (name: each: {
        assertion = each.settings.network.tap == tapOf name;
        message = "services.qn.vms.${name}: settings.network.tap and bridge both say where the second card is plugged in; name one of them.";
      }) bridged;

    environment.systemPackages = [ cfg.package ];

    nix = vm.nix;
    programs.ssh.extraConfig = lib.concatMapStrings vm.builderSsh (builtins.attrNames builders);

    systemd.services =
      lib.mapAttrs' (name: each: lib.nameValuePair "qn-${name}" (vmService name each)) vms
      // lib.mapAttrs' (name: each: lib.nameValuePair "qn-${name}-tap" (tapService name each)) bridged;

    systemd.tmpfiles.rules = [ "d ${cfg.stateDir} 0700 ${cfg.user} ${cfg.group} -" ];

    users = lib.mkIf hasOwnUser {
      users.qn = {
        isSystemUser = true;
        group = cfg.group;
        home = cfg.stateDir;
        description = "VMs of qn";
      };
      groups.qn = { };
    };
  };
}
