# As much of nixpkgs as qn's files, and the modules of others that they are evaluated with, take from it: packages that are
# never built, under the names that nixpkgs has. A name that is not in the list is a mistake, as it would be there.
{ lib, system }:
let
  names = [
    "OVMF"
    "autoPatchelfHook"
    "bash"
    "bashInteractive"
    "bashNonInteractive"
    "cacert"
    "coreutils"
    "diffutils"
    "docker"
    "docker-client"
    "e2fsprogs"
    "findutils"
    "gettext"
    "glibcLocales"
    "git"
    "gnugrep"
    "gnused"
    "inetutils"
    "iproute2"
    "jq"
    "less"
    "libvirt"
    "makeBinaryWrapper"
    "man-db"
    "nano"
    "ncurses"
    "nftables"
    "nix"
    "nixfmt"
    "nixos-rebuild"
    "nixos-rebuild-ng"
    "nodejs"
    "openssh"
    "perl"
    "qemu"
    "qemu-utils"
    "rsync"
    "shellcheck"
    "systemd"
    "texinfoInteractive"
    "unixtools"
    "util-linux"
    "versionCheckHook"
    "zsh"
  ];
  stub =
    name: extra:
    let
      self =
        derivation {
          inherit name system;
          builder = "/bin/sh";
          args = [
            "-c"
            "exit 1"
          ];
          # Two that differ in what they are made of are two derivations; what one is made of, it is made from.
          made = builtins.hashString "sha256" (builtins.unsafeDiscardStringContext (builtins.toJSON (removeAttrs extra [ "meta" ])));
        }
        // {
          pname = name;
          version = "0";
          meta.mainProgram = name;
          passthru = { };
          override = _: self;
          overrideAttrs = _: self;
          bin = self;
          man = self;
          terminfo = self;
          info = self;
        }
        // extra;
    in
    self;
  derive =
    arguments:
    stub (arguments.name or "${arguments.pname}-${arguments.version}") (
      { inherit (arguments) name; }
      // lib.optionalAttrs (arguments ? meta) { inherit (arguments) meta; }
      // {
        arguments = removeAttrs arguments [ "meta" ];
      }
    );
  text = name: content: stub name { text = content; };
  format = {
    type = lib.types.attrsOf lib.types.anything;
    generate = name: value: text name (builtins.toJSON value);
  };
  pkgs = lib.genAttrs names (name: stub name { }) // {
    inherit lib pkgs system;
    # A package whose program has another name than itself.
    nftables = stub "nftables" { meta.mainProgram = "nft"; };
    _type = "pkgs";
    path = ./nixpkgs;
    config = { };
    overlays = [ ];
    appendOverlays = _: pkgs;
    extend = _: pkgs;
    __splicedPackages = pkgs;
    buildPackages = pkgs;
    stdenv = stub "stdenv" { } // {
      hostPlatform = lib.systems.elaborate system;
      buildPlatform = lib.systems.elaborate system;
      shell = "/bin/sh";
      mkDerivation = arguments: derive ({ name = "${arguments.pname}-${arguments.version}"; } // arguments);
      inherit (lib.systems.elaborate system) isDarwin isLinux;
    };
    stdenvNoCC = pkgs.stdenv;
    runtimeShell = "${pkgs.bash}/bin/bash";
    writeText = text;
    writeScript = text;
    writeShellScript = text;
    writeScriptBin = text;
    writeShellScriptBin = text;
    writeShellApplication = { name, text, ... }: stub name { inherit text; };
    writeTextFile = { name, text, ... }: stub name { inherit text; };
    writeTextDir = path: content: stub (baseNameOf path) {
      inherit path;
      text = content;
    };
    runCommand =
      name: arguments: content:
      stub name (arguments // { text = content; });
    testers.runNixOSTest = test: stub "vm-test-${test.name}" { text = test.testScript; };
    runCommandLocal = pkgs.runCommand;
    buildEnv = { name, ... }: stub name { };
    symlinkJoin = { name, ... }: stub name { };
    linkFarm = name: _: stub name { };
    mkShell = arguments: stub "shell" { inherit arguments; };
    mkShellNoCC = pkgs.mkShell;
    formats = lib.genAttrs [ "ini" "json" "toml" "yaml" ] (_: _: format);
    darwin = {
      DarwinTools = stub "DarwinTools" { };
      ICU = stub "ICU" { };
    };
    callPackage =
      file: arguments:
      let
        function = if lib.isFunction file then file else import file;
      in
      function (builtins.intersectAttrs (builtins.functionArgs function) pkgs // arguments);
  };
in
pkgs
