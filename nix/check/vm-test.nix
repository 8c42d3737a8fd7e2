# A NixOS VM with the agent in it, run by `nix flake check` where KVM is: what evaluation cannot show. The gate's other side, the
# host, is played by hand: the test is about units, firewall, Docker's plugins and containers.
{ self, pkgs }:
pkgs.testers.runNixOSTest {
  name = "qn-agent";
  nodes.guest =
    { lib, pkgs, ... }:
    {
      imports = [ self.nixosModules.agent ];
      services.qn-agent.enable = true;
      # The test driver has its own network and its own way in.
      networking.useDHCP = lib.mkForce false;
      virtualisation = {
        memorySize = 2048;
        diskSize = 4096;
        # Bun needs SSE4.2, which QEMU's own choice lacks.
        qemu.options = [ "-cpu max" ];
      };
      # The test asks it; the guest's own units name it by path.
      environment.systemPackages = [ pkgs.nftables ];
      systemd.tmpfiles.rules = [ "d /srv/page 0755 root root -" ];
      containers.web = {
        autoStart = true;
        privateNetwork = true;
        hostAddress = "10.231.0.1";
        localAddress = "10.231.0.2";
        bindMounts."/srv/page".hostPath = "/srv/page";
        forwardPorts = [
          {
            hostPort = 8081;
            containerPort = 80;
          }
        ];
        config = {
          services.nginx.enable = true;
          networking.firewall.enable = false;
          system.stateVersion = "26.05";
        };
      };
    };
  testScript = ''
    guest.wait_for_unit("multi-user.target")
    guest.wait_for_unit("qn-firewall.service")
    guest.succeed("nft list table inet qn")
    # Without a boot credential the agent has no host to serve, and Docker's questions wait in its socket.
    guest.wait_for_unit("qn-agent.socket")
    guest.wait_for_unit("container@web.service")
    guest.wait_until_succeeds("nft list map ip io.systemd.nat map_port_ipport | grep 8081")
    guest.succeed("echo from the guest > /srv/page/index.html")
    guest.succeed("nixos-container run web -- grep 'from the guest' /srv/page/index.html")
    # networkd leaves the address alone that NixOS has given.
    guest.succeed("systemctl restart systemd-networkd")
    guest.succeed("ip -4 address show dev ve-web | grep 10.231.0.1")
    # What the agent of the ports runs is in its path.
    path = guest.succeed("systemctl show --property=Environment --value qn-agent.service | tr ' ' '\n' | sed -n s/^PATH=//p").strip()
    guest.succeed(f"PATH={path} nft --version", f"PATH={path} ip -Version")
    # The host's key comes with a boot credential, and `sshd -T` says nothing without one.
    guest.succeed("sshd -G | grep -x 'port 1022'")
  '';
}
