# qn: completion for fish. Put this into ~/.config/fish/config.fish: qn completion fish | source
complete -c qn -e
complete -c qn -f -a '(qn complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
