# One package of npm as npm packs it. npm knows where; the hash of bun.lock says what. It is a fixed-output derivation, so
# it may use the network.
{
  lib,
  stdenvNoCC,
  nodejs,
  cacert,
}:
{
  name,
  version,
  hash,
  ...
}:
stdenvNoCC.mkDerivation {
  name = "${lib.replaceStrings [ "@" "/" ] [ "" "-" ] name}-${version}.tgz";
  nativeBuildInputs = [
    nodejs
    cacert
  ];
  impureEnvVars = lib.fetchers.proxyImpureEnvVars;
  dontUnpack = true;
  buildPhase = ''
    export HOME=$TMPDIR
    npm pack --silent --pack-destination . ${lib.escapeShellArg "${name}@${version}"}
  '';
  installPhase = "mv *.tgz $out";
  dontFixup = true;
  outputHashMode = "flat";
  outputHash = hash;
}
