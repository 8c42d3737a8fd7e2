# Evaluates qn's packages and modules without nixpkgs: only its `lib` is needed. What it gives is JSON, for test/contract/nix.
{
  nixpkgsLib,
  system ? "x86_64-linux",
  # What somebody might write into their configuration.
  module ? { },
  # Checkouts of nix-darwin and home-manager, whose own modules then judge ours.
  nixDarwin ? null,
  homeManager ? null,
}:
let
  nixpkgs = import ./nixpkgs.nix nixpkgsLib;
  inherit (nixpkgs)
    checked
    lib
    nixosWith
    pkgsFor
    ;
  pkgs = pkgsFor system;
  packages = import ../pkgs pkgs;

  # Nix looks at no value that nobody asks for: all of ours are asked for.
  forced =
    { config, options, ... }:
    own: value:
    let
      ours = lib.concatMap (path: lib.collect lib.isOption (lib.attrByPath path { } options)) own;
    in
    checked config (
      builtins.deepSeq (map (option: lib.generators.toPretty { allowPrettyValues = false; } (option.value or null)) ours) value
    );

  nixos = modules: nixosWith { _module.args.pkgs = lib.mkForce pkgs; } ([ module ] ++ modules);

  darwinWith =
    args: modules:
    import (nixDarwin + "/eval-config.nix") {
      inherit lib;
      enableNixpkgsReleaseCheck = false;
      modules = [
        args
        {
          nixpkgs.source = "/nixpkgs";
          system.checks.verifyNixPath = false;
          documentation.enable = false;
        }
      ]
      ++ modules;
    };

  flake = import ./flake.nix {
    inherit nixpkgs;
    darwinSystem =
      { modules }:
      let
        evaluated = darwinWith {
          nixpkgs.pkgs = pkgsFor "aarch64-darwin";
        } modules;
      in
      checked evaluated.config evaluated;
  };

  ofGuest = [
    [
      "services"
      "qn-agent"
    ]
    [
      "virtualisation"
      "qn"
    ]
  ];
  ofHost = [
    [
      "services"
      "qn"
    ]
  ];

  settingsOf = vm: builtins.fromJSON (builtins.unsafeDiscardStringContext vm.settingsFile.text);
  texts = lib.mapAttrs (_: unit: unit.text);
in
{
  packages = lib.mapAttrs (_: package: {
    inherit (package) name;
    drv = package.drvPath;
    buildPhase = package.arguments.buildPhase or null;
    postFixup = package.arguments.postFixup or null;
  }) packages;

  guest =
    let
      evaluated = nixos [
        ../modules/guest.nix
        { services.qn-agent.package = lib.mkDefault packages.qn-agent; }
      ];
      inherit (evaluated) config;
    in
    forced evaluated ofGuest {
      units = lib.listToAttrs (map (each: lib.nameValuePair each.path each.text) config.systemd.packages);
      rules = lib.listToAttrs (map (each: lib.nameValuePair each.path each.text) config.services.udev.packages);
      services = lib.mapAttrs (_: service: { inherit (service) wantedBy restartIfChanged text; }) config.systemd.services;
      inherit (config.boot) loader;
      sockets = lib.mapAttrs (_: socket: { inherit (socket) wantedBy; }) config.systemd.sockets;
      docker = {
        inherit (config.virtualisation.docker) enable logDriver;
        settings = config.virtualisation.docker.daemon.settings;
      };
      etc = lib.mapAttrs (_: file: if file.text != null then file.text else builtins.readFile file.source) config.environment.etc;
      tmpfiles = config.systemd.tmpfiles.rules;
      inherit (config.boot) kernelParams;
      # As NixOS writes them.
      sysctl = lib.mapAttrs (_: value: if value == false then "0" else toString value) (
        lib.filterAttrs (_: value: value != null) config.boot.kernel.sysctl
      );
      inherit (config) fileSystems;
      ssh = { inherit (config.services.openssh) ports authorizedKeysFiles settings extraConfig; };
      network = config.networking;
      networks = lib.mapAttrs (_: network: { inherit (network) matchConfig address; }) config.systemd.network.networks;
      containers = lib.mapAttrs (_: container: removeAttrs container [ "config" ]) config.containers;
      image = {
        inherit (config.system.build.qnImage) name manifest text;
      };
    };

  host =
    let
      evaluated = nixos [
        ../modules/host.nix
        { services.qn.package = lib.mkDefault packages.qn; }
      ];
      inherit (evaluated) config;
    in
    forced evaluated ofHost {
      units = texts config.systemd.services;
      wantedBy = lib.mapAttrs (_: unit: unit.wantedBy) config.systemd.services;
      settings = lib.mapAttrs (_: vm: settingsOf vm) config.services.qn.vms;
      tmpfiles = config.systemd.tmpfiles.rules;
      nix = { inherit (config.nix) distributedBuilds buildMachines; };
      ssh = config.programs.ssh.extraConfig;
      users = lib.mapAttrs (_: user: { inherit (user) isSystemUser group home; }) config.users.users;
    };

  darwin =
    let
      evaluated =
        darwinWith
          {
            nixpkgs.pkgs = lib.mkForce pkgs;
            nixpkgs.hostPlatform = system;
            system.stateVersion = 6;
          }
          [
            ../modules/darwin.nix
            { services.qn.package = lib.mkDefault packages.qn; }
            module
          ];
      inherit (evaluated) config;
    in
    forced evaluated ofHost {
      plists = lib.mapAttrs (_: file: file.text) config.environment.userLaunchAgents;
      settings = lib.mapAttrs (_: vm: settingsOf vm) config.services.qn.vms;
      etc = lib.filter (lib.hasPrefix "qn/") (builtins.attrNames config.environment.etc);
      nix = {
        inherit (config.nix) distributedBuilds;
        buildMachines = map (each: { inherit (each) hostName protocol sshUser systems maxJobs; }) config.nix.buildMachines;
      };
      ssh = lib.mapAttrs (_: file: file.text) (
        lib.filterAttrs (name: _: lib.hasPrefix "ssh/ssh_config.d/100-qn" name) config.environment.etc
      );
      needsUser = config.system.requiresPrimaryUser;
    };

  home =
    let
      homeLib = import (homeManager + "/modules/lib/stdlib-extended.nix") lib;
      evaluated = homeLib.evalModules {
          class = "homeManager";
          specialArgs.modulesPath = homeManager + "/modules";
          modules = [
            {
              home = {
                username = "ann";
                homeDirectory = if pkgs.stdenv.hostPlatform.isDarwin then "/Users/ann" else "/home/ann";
                stateVersion = "26.05";
                enableNixpkgsReleaseCheck = false;
              };
            }
            ../modules/home.nix
            { services.qn.package = lib.mkDefault packages.qn; }
            module
          ]
          # Services that are written for NixOS need more of nixpkgs than its lib.
          ++ builtins.filter (each: !(builtins.isPath each && baseNameOf each == "services-modular")) (
            import (homeManager + "/modules/modules.nix") {
              check = false;
              minimal = true;
              useNixpkgsModule = false;
              lib = homeLib;
              inherit pkgs;
            }
          );
      };
      inherit (evaluated) config;
    in
    forced evaluated ofHost {
      units = config.systemd.user.services;
      agents = lib.mapAttrs (_: agent: lib.generators.toPlist { escape = true; } agent.config) config.launchd.agents;
      files = builtins.attrNames config.xdg.configFile;
      settings = lib.mapAttrs (_: vm: settingsOf vm) config.services.qn.vms;
    };

  # Everything that the flake gives, by name, each looked at as far as Nix must to build it.
  flake =
    let
      inherit (flake) qn;
      drv = derivation: builtins.seq derivation.drvPath derivation.name;
    in
    {
      packages = lib.mapAttrs (_: lib.mapAttrs (_: drv)) qn.packages;
      apps = lib.mapAttrs (_: lib.mapAttrs (_: app: builtins.unsafeDiscardStringContext app.program)) qn.apps;
      devShells = lib.mapAttrs (_: shells: shells.default.arguments.shellHook) qn.devShells;
      formatters = builtins.attrNames (lib.mapAttrs (_: drv) qn.formatter);
      modules = lib.mapAttrs (_: builtins.attrNames) { inherit (qn) nixosModules darwinModules homeModules; };
      checks = lib.mapAttrs (_: builtins.attrNames) qn.checks;
      vmTest = {
        inherit (flake.vmTest) name testScript;
        packages = map lib.getName flake.vmTest.machine.environment.systemPackages;
        containers = builtins.attrNames flake.vmTest.machine.containers;
        nat = flake.vmTest.machine.networking.nat;
        units = builtins.attrNames (texts flake.vmTest.machine.systemd.services);
      };
      guests = lib.mapAttrs (_: guest: drv guest.config.system.build.toplevel) qn.nixosConfigurations;
      templates = lib.mapAttrs (_: template: builtins.pathExists (template.path + "/flake.nix")) qn.templates;
    };

  templates = {
    guest = flake.templates.guest.nixosConfigurations.guest.config.system.build.qnImage.name;
    nixos = texts flake.templates.nixos.nixosConfigurations.machine.config.systemd.services;
    project = lib.mapAttrs (_: shells: map (each: each.name) shells.default.arguments.packages) flake.templates.project.devShells;
    darwin =
      if nixDarwin == null then
        null
      else
        builtins.attrNames flake.templates.darwin.darwinConfigurations.mac.config.environment.userLaunchAgents;
  };

  # Every option of qn's modules, for docs/nix-options.md.
  options =
    let
      documented =
        own: file:
        let
          evaluated = lib.evalModules {
            specialArgs.modulesPath = ./nixpkgs/nixos/modules;
            modules = [
              file
              {
                _module.check = false;
                _module.args.pkgs = pkgs;
              }
            ];
          };
          isOwn = option: lib.any (path: lib.hasPrefix (lib.concatStringsSep "." path) option.name) own;
          shown =
            option:
            lib.nameValuePair option.name {
              type = option.type;
              description = lib.trim option.description;
              default = option.default.text or null;
            };
        in
        lib.listToAttrs (
          map shown (
            builtins.filter (option: isOwn option && option.visible && !option.internal) (
              lib.optionAttrSetToDocList evaluated.options
            )
          )
        );
    in
    {
      guest = documented ofGuest ../modules/guest.nix;
      host = documented ofHost ../modules/host.nix;
      darwin = documented ofHost ../modules/darwin.nix;
      home = documented ofHost ../modules/home.nix;
    };
}
