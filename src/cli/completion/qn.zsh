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
    compadd -l -d about -a found
  else
    _files
  fi
}
compdef _qn qn
