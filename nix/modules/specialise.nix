# First boot: a guest that many VMs share makes itself the system that a VM's settings name (`flake`).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  guest = ../../guest;
  unit = lib.replaceStrings [ "@specialise@" ] [ "${guest + "/specialise.sh"}" ] (
    builtins.readFile (guest + "/units/qn-specialise.service")
  );
in
{
  config = lib.mkIf config.virtualisation.qn.enable {
    systemd.packages = [ (pkgs.writeTextDir "lib/systemd/system/qn-specialise.service" unit) ];
    systemd.services.qn-specialise = {
      wantedBy = [ "multi-user.target" ];
      # It is what switches.
      restartIfChanged = false;
    };
  };
}
