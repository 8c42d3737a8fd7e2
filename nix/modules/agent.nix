# services.qn-agent: what any NixOS needs to be a guest of qn: the gate, the ports, the host's files. The units are those of guest/.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.qn-agent;
  guest = ../../guest;
  withPrograms =
    builtins.replaceStrings
      [
        "@qn@"
        "@nft@"
      ]
      [
        (lib.getExe cfg.package)
        (lib.getExe pkgs.nftables)
      ];
  unit =
    path:
    pkgs.writeTextDir "lib/systemd/system/${path}" (
      withPrograms (builtins.readFile (guest + "/units/${path}"))
    );
  # sysctl.d(5) to an attribute set.
  settings =
    file:
    lib.pipe (builtins.readFile file) [
      (lib.splitString "\n")
      (map (builtins.match "([^#[:space:]=]+) *= *(.*)"))
      (builtins.filter (found: found != null))
      (map (found: lib.nameValuePair (builtins.head found) (lib.last found)))
      builtins.listToAttrs
    ];
  # NixOS sets some sysctls itself, with mkDefault (1000), and takes one definition of each priority: before those, and after what a
  # configuration says plainly (100).
  beforeNixos = lib.mkOverride 900;
  daemon = lib.importJSON (guest + "/docker/daemon.json");
in
{
  options.services.qn-agent = {
    enable = lib.mkEnableOption "the agent of qn, which gives a host's Docker client, ports and files to this guest";

    package = lib.mkOption {
      type = lib.types.package;
      description = "The qn whose `agent` runs here; `qn-agent` of qn's flake has no QEMU in its closure.";
    };
  };

  config = lib.mkIf cfg.enable {
    systemd.packages = map unit [
      "qn-agent.socket"
      "qn-agent.service"
      "qn-provision.service"
      "qn-firewall.service"
      "docker.service.d/qn.conf"
      "container@.service.d/qn.conf"
      "systemd-nspawn@.service.d/qn.conf"
    ];
    # NixOS reads no [Install] section of a package's unit.
    systemd.services = {
      # A switch that starts it anew leaves the shares mounted, and Docker's questions wait in the socket.
      qn-agent = {
        wantedBy = [ "multi-user.target" ];
        path = [
          pkgs.e2fsprogs
          pkgs.iproute2
          pkgs.nftables
          pkgs.util-linux
        ];
      };
      qn-provision = {
        wantedBy = [ "multi-user.target" ];
        # The user's commands find what a login shell does.
        path = [ "/run/current-system/sw" ];
      };
      qn-firewall.wantedBy = [ "sysinit.target" ];
    };

    systemd.sockets.qn-agent.wantedBy = [ "sockets.target" ];

    virtualisation.docker = {
      enable = true;
      # NixOS gives the log driver on the command line, where daemon.json must not name it again.
      logDriver = daemon.log-driver;
      daemon.settings = removeAttrs daemon [ "log-driver" ];
      # Containers must end with the daemon: qn shuts a guest down as a whole, and the plugins decide about each start.
      liveRestore = false;
    };

    environment.etc = {
      "qn/nftables.conf".source = guest + "/nftables.conf";
      "systemd/network/05-lan.link".source = guest + "/network/05-lan.link";
      "systemd/network/05-lan.network".source = guest + "/network/05-lan.network";
      "systemd/network/10-uplink.link".source = guest + "/network/10-uplink.link";
      "systemd/network/10-uplink.network".source = guest + "/network/10-uplink.network";
      # NixOS gives the guest's end of a container's network its address itself. networkd has a file of its own for every "ve-*" and
      # would take that address away again, at the latest when it starts anew.
      "systemd/network/20-containers.network" = lib.mkIf (config.containers != { }) {
        text = ''
          [Match]
          Name=${lib.concatMapStringsSep " " (name: "ve-${name}") (lib.attrNames config.containers)}

          [Link]
          Unmanaged=yes
        '';
      };
    };
    boot.kernel.sysctl = lib.mapAttrs (_: beforeNixos) (settings (guest + "/sysctl.conf"));
    services.udev.packages = [
      (pkgs.writeTextDir "lib/udev/rules.d/90-qn.rules" (builtins.readFile (guest + "/udev.rules")))
    ];
    boot.kernelModules = [
      "9p"
      "9pnet_virtio"
      "virtio_console"
      "virtiofs"
    ];
    systemd.tmpfiles.rules = builtins.filter (line: line != "" && !(lib.hasPrefix "#" line)) (
      lib.splitString "\n" (builtins.readFile (guest + "/tmpfiles.conf"))
    );

    # One network, by networkd; the firewall is guest/nftables.conf, and the only way in is the host's. The resolver is
    # slirp's, in whose place the agent answers; Docker hands it on to containers, so it must not be a stub on loopback.
    services.resolved.enable = false;
    networking = {
      useNetworkd = true;
      useDHCP = false;
      nameservers = [ "10.0.2.3" ];
      firewall.enable = lib.mkDefault false;
    };
    # NixOS containers reach the world as Docker's do; the ports that they forward are known to the agent.
    networking.nat = lib.mkIf (config.containers != { }) {
      enable = true;
      internalInterfaces = [ "ve-+" ];
      externalInterface = "uplink";
    };
    systemd.network.wait-online.enable = lib.mkDefault false;

    # The login user is made at boot, from systemd's user database; its shell is Debian's and everybody's.
    services.userdbd.enable = true;
    # Containers mount the zones of the world from where other systems have them.
    systemd.tmpfiles.settings.qn-zones."/usr/share/zoneinfo"."L+".argument = "/etc/zoneinfo";
    systemd.tmpfiles.settings.qn-shell."/bin/bash"."L+".argument = lib.getExe pkgs.bashInteractive;
    users.groups.sudo = { };
    security.sudo.extraConfig = builtins.readFile (guest + "/sudoers");

    # guest/sshd.conf in NixOS' words: the first of two values counts in sshd, so it must not follow NixOS' own.
    services.openssh = {
      enable = true;
      ports = [ 1022 ];
      hostKeys = [ ];
      openFirewall = false;
      authorizedKeysFiles = lib.mkForce [ "/run/qn/authorized_keys/%u" ];
      settings = {
        AuthenticationMethods = "publickey";
        PasswordAuthentication = false;
        KbdInteractiveAuthentication = false;
        PermitRootLogin = "prohibit-password";
        AllowAgentForwarding = true;
        X11Forwarding = false;
        UseDns = false;
        MaxSessions = 1000;
      };
      # At the end: what follows `Match` is about root alone.
      extraConfig = lib.mkAfter ''
        HostKey /run/qn/ssh_host_ed25519_key
        PermitUserRC no
        Match User root
          SetEnv HOME=/var/lib/qn/home/root
      '';
    };
  };
}
