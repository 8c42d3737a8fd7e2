# services.qn in home-manager: each VM is a user's service, of systemd on Linux and of launchd on a Mac.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  vm = import ./vm.nix { inherit config lib pkgs; };
  inherit (vm) cfg vms;
  inherit (pkgs.stdenv.hostPlatform) isDarwin isLinux;
  # By way of the profile, so that an update changes no service: see darwin.nix.
  program = "${config.home.profileDirectory}/bin/qn";
  settingsFile = name: "${config.xdg.configHome}/qn/${name}.json";
  words =
    name:
    vm.command {
      inherit program name;
      settingsFile = settingsFile name;
    };
  path = lib.concatStringsSep ":" [
    "${config.home.profileDirectory}/bin"
    "/run/current-system/sw/bin"
    "/usr/local/bin"
    "/usr/bin"
    "/bin"
    "/usr/sbin"
    "/sbin"
  ];

  unit = name: each: {
    Unit = {
      Description = "qn's VM ${name}";
      # `qn up` knows by this path that the service is that of its VM.
      Documentation = "file:${cfg.stateDir}/${name}/supervisor.log";
      StartLimitIntervalSec = 300;
      StartLimitBurst = 10;
      # A switch of the configuration must not stop what runs in the VM.
      X-RestartIfChanged = false;
      X-SwitchMethod = "keep-old";
    };
    Service = vm.systemdService // {
      ExecStart = lib.escapeShellArgs (words name);
      Environment = [
        "QN_HOME=${cfg.stateDir}"
        "PATH=${path}"
      ];
    };
    Install.WantedBy = lib.optional each.autoStart "default.target";
  };

  agent = name: each: {
    enable = true;
    config = vm.launchdService // {
      ProgramArguments = words name;
      EnvironmentVariables = {
        QN_HOME = cfg.stateDir;
        PATH = path;
      };
      RunAtLoad = each.autoStart;
      KeepAlive = if each.autoStart then vm.launchdService.KeepAlive else false;
      StandardOutPath = "${cfg.logDir}/qn-${name}.log";
      StandardErrorPath = "${cfg.logDir}/qn-${name}.log";
    };
  };
in
{
  options.services.qn = vm.options { more = { }; } // {
    stateDir = vm.folderOption {
      default = "${config.home.homeDirectory}/.qn";
      defaultText = lib.literalExpression ''"''${config.home.homeDirectory}/.qn"'';
      description = "QN_HOME of the VMs: settings, disks, sockets, and what `qn logs` shows.";
    };

    logDir = vm.folderOption {
      default = "${config.home.homeDirectory}/Library/Logs";
      defaultText = lib.literalExpression ''"''${config.home.homeDirectory}/Library/Logs"'';
      description = "On a Mac, the folder of the services' own logs, qn-NAME.log; it has to be there.";
    };
  };

  config = lib.mkIf cfg.enable {
    inherit (vm) assertions;

    home.packages = [ cfg.package ];

    xdg.configFile = lib.mapAttrs' (name: each: lib.nameValuePair "qn/${name}.json" { source = each.settingsFile; }) vms;

    systemd.user.services = lib.mkIf isLinux (
      lib.mapAttrs' (name: each: lib.nameValuePair "qn-${name}" (unit name each)) vms
    );

    launchd.agents = lib.mkIf isDarwin (
      lib.mapAttrs' (name: each: lib.nameValuePair "qn-${name}" (agent name each)) vms
    );
  };
}
