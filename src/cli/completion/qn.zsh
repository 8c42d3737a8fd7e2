#compdef qn
# qn: completion for zsh. Put this into ~/.zshrc, behind compinit: eval "$(qn completion zsh)"
_qn() {
  local line
  local -a found about
  # Each line is a word, a tab and what it is for.
  for line in "${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] || continue
    found+=("${line%%$'\t'*}")
    about+=("${line//$'\t'/  -- }")
  done
  if (( ${#found} )); then
    # Behind `cpus=` a value follows, and no space.
    if [[ ${found[-1]} == *= ]]; then compadd -S '' -l -d about -a found; else compadd -l -d about -a found; fi
  else
    _files
  fi
}
# As a file `_qn` in a folder of fpath this is what the first completion runs.
if [[ ${funcstack[1]} == _qn ]]; then _qn "$@"; else compdef _qn qn; fi
