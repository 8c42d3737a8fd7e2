# qn: completion for bash. Put this into ~/.bashrc: eval "$(qn completion bash)"
_qn() {
  local line
  COMPREPLY=()
  # Each line is a word, a tab and what it is for. Bash 3.2, which macOS has, knows no mapfile.
  while IFS= read -r line; do
    COMPREPLY+=("${line%%$'\t'*}")
  done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # A value follows, and no space. Bash 3.2 makes one.
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null || true; fi
}
complete -o bashdefault -o default -F _qn qn
