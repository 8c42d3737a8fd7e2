# The settings of a VM as options: settings.json is made from the table of src/host/config/schema.ts, so both know the same ones.
{ lib }:
let
  inherit (lib) mkOption types;

  # A pattern of JSON Schema may match a part of the text, one of Nix has to match the whole.
  wholePattern =
    pattern:
    let
      # A slash needs no escape here.
      plain = lib.replaceStrings [ "\\/" ] [ "/" ] pattern;
      opened = if lib.hasPrefix "^" plain then lib.removePrefix "^" plain else ".*${plain}";
    in
    if lib.hasSuffix "$" opened then lib.removeSuffix "$" opened else "${opened}.*";

  textType =
    schema:
    if schema ? pattern then
      types.strMatching (wholePattern schema.pattern)
    else if (schema.minLength or 0) > 0 then
      types.nonEmptyStr
    else
      types.str;

  mappingType =
    schema:
    if schema ? properties then
      types.submodule { options = lib.mapAttrs (optionOf (schema.required or [ ])) schema.properties; }
    else if (schema.additionalProperties or { }) == { } then
      types.attrsOf types.anything
    else
      types.attrsOf (typeOf schema.additionalProperties);

  typeOf =
    schema:
    if schema ? enum then
      types.enum schema.enum
    else if schema ? const then
      types.enum [ schema.const ]
    else if schema ? anyOf then
      types.oneOf (map typeOf schema.anyOf)
    else
      {
        array = types.listOf (typeOf schema.items);
        boolean = types.bool;
        integer = types.ints.between schema.minimum schema.maximum;
        number = types.number;
        object = mappingType schema;
        string = textType schema;
      }
      .${schema.type};

  # What is not said is null, and qn's own default counts.
  optionOf =
    required: name: schema:
    let
      type = typeOf schema;
      isSection = schema ? properties;
    in
    mkOption (
      {
        description = schema.description or "See docs/files.md.";
      }
      // (
        if isSection then
          {
            inherit type;
            default = { };
          }
        else if builtins.elem name required then
          { inherit type; }
        else
          {
            type = types.nullOr type;
            default = null;
          }
      )
    );

  said =
    value:
    if lib.isAttrs value && !(lib.isDerivation value) then
      lib.filterAttrs (_: inner: inner != null && inner != { }) (lib.mapAttrs (_: said) value)
    else if builtins.isList value then
      map said value
    else
      value;
in
{
  options = lib.mapAttrs (optionOf [ ]) (lib.importJSON ./settings.json);

  # A config.yaml, which JSON is: what was said, and nothing else.
  fileText = settings: builtins.toJSON (said settings);
}
