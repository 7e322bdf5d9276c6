#compdef gputrain
# Completion of gputrain for zsh: eval "$(gputrain completion zsh)"
_gputrain() {
    local -a found
    found=("${(@f)$("${words[1]}" __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ ${found[1]} == :files ]]; then
        compset -P '*[=:]'
        _files
    elif [[ ${#found} == 1 && ${found[1]} == *: ]]; then
        compadd -S '' -- "${(@)found}"
    else
        compadd -- "${(@)found}"
    fi
}
compdef _gputrain gputrain
