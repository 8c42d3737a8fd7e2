# As much of nixpkgs as qn's own files take from it: packages that are never built, under the names that nixpkgs has.
{ lib, system }:
let
  stub =
    name: extra:
    derivation {
      inherit name system;
      builder = "/bin/sh";
      args = [
        "-c"
        "exit 1"
      ];
      # Two that differ in what they are made of are two derivations.
      made = builtins.hashString "sha256" (builtins.toJSON (removeAttrs extra [ "meta" ]));
    }
    // {
      meta.mainProgram = name;
    }
    // extra;
  derive =
    arguments:
    stub (arguments.name or "${arguments.pname}-${arguments.version}") (
      { inherit (arguments) name; }
      // lib.optionalAttrs (arguments ? meta) { inherit (arguments) meta; }
      // {
        arguments = removeAttrs arguments [ "meta" ];
      }
    );
  pkgs =
    lib.genAttrs
      [
        "autoPatchelfHook"
        "bashInteractive"
        "cacert"
        "docker-client"
        "makeBinaryWrapper"
        "nftables"
        "nixfmt"
        "nodejs"
        "openssh"
        "qemu"
        "versionCheckHook"
      ]
      (name: stub name { })
    // {
      inherit lib;
      stdenv = {
        hostPlatform = lib.systems.elaborate system;
        mkDerivation = arguments: derive ({ name = "${arguments.pname}-${arguments.version}"; } // arguments);
      };
      stdenvNoCC = pkgs.stdenv;
      runCommand =
        name: arguments: text:
        stub name (arguments // { inherit text; });
      writeTextDir = path: text: stub (baseNameOf path) { inherit path text; };
      mkShell = arguments: stub "shell" { };
      callPackage =
        file: arguments:
        let
          function = import file;
        in
        function (builtins.intersectAttrs (builtins.functionArgs function) pkgs // arguments);
    };
in
pkgs
