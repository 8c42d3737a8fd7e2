# services.qn on nix-darwin: each VM is a launchd agent of the machine's user, in the foreground.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  vm = import ./vm.nix { inherit config lib pkgs; };
  inherit (vm) builders cfg vms;
  # Without one there are no agents, and an assertion says so.
  user = if config.system.primaryUser == null then "nobody" else config.system.primaryUser;
  # Paths that an update of qn or of a setting leaves as they are: launchd reloads an agent whose plist has changed, and the
  # VM would go down with it. What changed counts at the VM's next start.
  program = "/run/current-system/sw/bin/qn";
  settingsFile = name: "/etc/qn/${name}.json";

  agent = name: each: {
    environment.QN_HOME = cfg.stateDir;
    path = [ config.environment.systemPath ];
    command = lib.escapeShellArgs (
      vm.command {
        inherit program name;
        settingsFile = settingsFile name;
      }
    );
    serviceConfig = vm.launchdService // {
      RunAtLoad = each.autoStart;
      KeepAlive = if each.autoStart then vm.launchdService.KeepAlive else false;
      StandardOutPath = "${cfg.logDir}/qn-${name}.log";
      StandardErrorPath = "${cfg.logDir}/qn-${name}.log";
    };
  };
in
{
  options.services.qn = vm.options { more = vm.builderOption; } // {
    stateDir = vm.folderOption {
      default = "/Users/${user}/.qn";
      defaultText = lib.literalExpression ''"/Users/''${config.system.primaryUser}/.qn"'';
      description = "QN_HOME of the VMs: settings, disks, sockets, and what `qn logs` shows.";
    };

    logDir = vm.folderOption {
      default = "/Users/${user}/Library/Logs";
      defaultText = lib.literalExpression ''"/Users/''${config.system.primaryUser}/Library/Logs"'';
      description = "The folder of the services' own logs, qn-NAME.log; it has to be there.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = config.system.primaryUser != null;
        message = "services.qn: the VMs are agents of a user; set system.primaryUser.";
      }
    ]
    ++ vm.assertions;

    environment.systemPackages = [ cfg.package ];

    environment.etc =
      lib.mapAttrs' (name: each: lib.nameValuePair "qn/${name}.json" { source = each.settingsFile; }) vms
      // lib.mapAttrs' (
        name: _:
        lib.nameValuePair "ssh/ssh_config.d/100-qn-${name}-builder.conf" { text = vm.builderSsh name; }
      ) builders;

    nix = vm.nix;

    launchd.user.agents = lib.mapAttrs' (name: each: lib.nameValuePair "qn-${name}" (agent name each)) vms;
  };
}
