# Reads bun.lock, so that what npm delivers is checked by the hashes that stand there and nowhere else.
{ lib, root }:
let
  manifest = lib.importJSON (root + "/package.json");
  # `"key": ["name@version", "", { "dependencies": … }, "sha512-…"],`: one package to a line (Bun's text lockfile).
  entry = ''^ *"([^"]+)": \["(@?[^"@]+)@([^"]+)", "", (\{.*}), "(sha512-[^"]+)"],?$'';
  parse =
    line:
    let
      found = builtins.match entry line;
    in
    lib.optional (found != null) {
      name = builtins.elemAt found 0;
      value = {
        name = builtins.elemAt found 1;
        version = builtins.elemAt found 2;
        needs = builtins.attrNames ((builtins.fromJSON (builtins.elemAt found 3)).dependencies or { });
        hash = builtins.elemAt found 4;
      };
    };
  packages = builtins.listToAttrs (
    lib.concatMap parse (lib.splitString "\n" (builtins.readFile (root + "/bun.lock")))
  );

  # The names in a key: "a/@b/c" is @b/c as a finds it.
  namesIn =
    key:
    let
      step = names: part:
        if names != [ ] && lib.hasPrefix "@" (lib.last names) && !(lib.hasInfix "/" (lib.last names)) then
          lib.init names ++ [ "${lib.last names}/${part}" ]
        else
          names ++ [ part ];
    in
    builtins.foldl' step [ ] (lib.splitString "/" key);

  # The key of `name` as the package at `names` finds it: beside itself, or beside one of those around it.
  resolve =
    names: name:
    let
      key = lib.concatStringsSep "/" (names ++ [ name ]);
    in
    if packages ? ${key} then
      key
    else if names == [ ] then
      throw "bun.lock has no package ${name}."
    else
      resolve (lib.init names) name;

  closure = builtins.genericClosure {
    startSet = map (name: { key = resolve [ ] name; }) (builtins.attrNames manifest.dependencies);
    operator =
      { key }: map (name: { key = resolve (namesIn key) name; }) packages.${key}.needs;
  };
in
{
  inherit (manifest) version;
  package = key: packages.${key};
  # What the program is made of: each package, and its folder below `node_modules`.
  runtime = map (
    { key }: packages.${key} // { folder = lib.concatStringsSep "/node_modules/" (namesIn key); }
  ) closure;
}
