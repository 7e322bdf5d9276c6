# Completion of gputrain for fish: gputrain completion fish | source
function __gputrain_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l found ($words[1] __complete fish $words[2..] "$last" 2>/dev/null)
    if test "$found[1]" != ":files"
        printf '%s\n' $found
        return
    end
    set -l before (string match -r '^.*[=:]' -- $last)
    for path in (__fish_complete_path (string replace -r '^.*[=:]' '' -- $last))
        printf '%s\n' "$before$path"
    end
end
complete -c gputrain -f -a '(__gputrain_complete)'
