# Evaluates qn's packages and modules without nixpkgs: only its `lib` is needed. What it gives is JSON, for the test beside it.
{
  nixpkgsLib,
  system ? "x86_64-linux",
  # What somebody might write into their configuration.
  module ? { },
}:
let
  shim = import nixpkgsLib;
  # `lib.fileset` needs a newer Nix than Debian's; for what is evaluated here the tree without what is made from it will do.
  lib =
    if builtins ? readFileType then
      shim
    else
      shim
      // {
        fileset = {
          toSource =
            { root, ... }:
            builtins.path {
              path = root;
              name = "source";
              filter =
                path: _:
                !(builtins.elem (baseNameOf path) [
                  ".git"
                  "dist"
                  "node_modules"
                ]);
            };
          unions = paths: paths;
        };
      };
  pkgs = import ./pkgs.nix { inherit lib system; };
  packages = import ../pkgs pkgs;
  evaluated = lib.evalModules {
    class = "nixos";
    modules = [
      ./options.nix
      { _module.args.pkgs = lib.mkForce pkgs; }
      ../modules/guest.nix
      { services.qn-agent.package = lib.mkDefault packages.qn-agent; }
      module
    ];
  };
  inherit (evaluated) config;
in
{
  packages = lib.mapAttrs (_: package: {
    inherit (package) name;
    drv = package.drvPath;
    buildPhase = package.arguments.buildPhase or null;
    postFixup = package.arguments.postFixup or null;
  }) packages;

  guest = {
    units = lib.listToAttrs (map (each: lib.nameValuePair each.path each.text) config.systemd.packages);
    services = lib.mapAttrs (_: service: { inherit (service) wantedBy restartIfChanged; }) config.systemd.services;
    sockets = lib.mapAttrs (_: socket: { inherit (socket) wantedBy; }) config.systemd.sockets;
    docker = { inherit (config.virtualisation.docker) enable logDriver; settings = config.virtualisation.docker.daemon.settings; };
    etc = lib.mapAttrs (_: file: if file.text != null then file.text else builtins.readFile file.source) config.environment.etc;
    tmpfiles = config.systemd.tmpfiles.rules;
    inherit (config.boot) kernelParams;
    sysctl = config.boot.kernel.sysctl;
    fileSystems = config.fileSystems;
    ssh = { inherit (config.services.openssh) ports authorizedKeysFiles settings extraConfig; };
    network = config.networking;
  };
}
